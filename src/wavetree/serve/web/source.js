// Where runs and models come from: a server, or the page itself.

// What a server answered where it refused: `message` is a sentence to show.
export class Refused extends Error {
  constructor(status, { code, message, field }) {
    super(message);
    Object.assign(this, { status, code, field });
  }
}

// Asks the server: JSON in and out. `options`: {method, body, signal}. Throws Refused.
export async function api(path, { method = "GET", body, signal } = {}) {
  const asked =
    body === undefined
      ? { method }
      : {
          method: method === "GET" ? "POST" : method,
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(body),
        };
  let answer;
  try {
    answer = await fetch(path, { ...asked, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, { code: "gone", message: "The server does not answer: is `wavetree serve` still running?" });
  }
  const found = await answer.json().catch(() => ({}));
  if (answer.ok) return found;
  throw new Refused(
    answer.status,
    found.error ?? { code: "unknown", message: `The server answered ${answer.status}.` },
  );
}

export function serverSource() {
  return {
    api,
    runs: () => api("api/runs"),
    document: (run) => api(`api/runs/${encodeURIComponent(run)}/model`),
  };
}

export function fileSource() {
  const found = JSON.parse(document.getElementById("model").textContent);
  return {
    api: null,
    runs: async () => ({ default: found.name, runs: [{ id: found.name, ready: true }] }),
    document: async () => found,
  };
}
