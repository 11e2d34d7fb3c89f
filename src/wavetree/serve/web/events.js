// What a job of the server says, from its beginning on and then as it happens.

// `on` are listeners by the name of an event, each called with its data; `lost` is called when the server is gone.
export function follow(job, on, lost) {
  const stream = new EventSource(`api/jobs/${encodeURIComponent(job)}/events`);
  for (const [name, listener] of Object.entries(on)) {
    stream.addEventListener(name, (event) => listener(JSON.parse(event.data)));
  }
  stream.addEventListener("end", () => stream.close());
  stream.addEventListener("error", () => lost(stream.readyState === EventSource.CLOSED));
  return () => stream.close();
}
