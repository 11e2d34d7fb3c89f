// Text to ids and back, as the run has it: by its alphabet, or by the bytes of UTF-8. Id 0 is the mark.

export class UnknownSymbol extends Error {}

class Alphabet {
  constructor(symbols) {
    this.symbols = [...symbols];
    this.ids = new Map(this.symbols.map((symbol, i) => [symbol, i + 1]));
  }

  // What a text is made of, one for each id.
  units(text) {
    return [...text];
  }

  // The ids of a text; 0 for a symbol that was never met.
  encodeLoosely(text) {
    return this.units(text).map((symbol) => this.ids.get(symbol) ?? 0);
  }

  encode(text) {
    const unknown = this.units(text).find((symbol) => !this.ids.has(symbol));
    if (unknown === undefined) return this.encodeLoosely(text);
    throw new UnknownSymbol(`“${unknown}” is not in the model’s alphabet: it knows ${this.describe()}.`);
  }

  decode(ids) {
    return ids.map((id) => this.symbols[id - 1]).join("");
  }

  describe() {
    const shown = this.symbols.slice(0, 40).map(visible).join("");
    return `${this.symbols.length} symbols, ${shown}${this.symbols.length > 40 ? " …" : ""}`;
  }
}

class Bytes {
  constructor() {
    this.symbols = Array.from({ length: 256 }, (_, byte) =>
      byte > 32 && byte < 127 ? String.fromCharCode(byte) : byte.toString(16).padStart(2, "0"),
    );
  }

  units(text) {
    return [...new TextEncoder().encode(text)].map((byte) => this.symbols[byte]);
  }

  encodeLoosely(text) {
    return this.encode(text);
  }

  encode(text) {
    return [...new TextEncoder().encode(text)].map((byte) => byte + 1);
  }

  decode(ids) {
    return new TextDecoder().decode(new Uint8Array(ids.map((id) => id - 1)));
  }

  describe() {
    return "256 bytes (UTF-8)";
  }
}

export function openCodec({ kind, symbols }) {
  return kind === "bytes" ? new Bytes() : new Alphabet(symbols);
}

// A symbol as a person can see it.
export function visible(symbol) {
  return { " ": "␣", "\n": "↵", "\t": "⇥" }[symbol] ?? symbol;
}
