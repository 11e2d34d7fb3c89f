// numpy's PCG64 (O'Neill 2014, XSL-RR 128/64), seeded by its SeedSequence: so that a seed draws here what it draws in
// Python. Symbol t of item i is decided by draw i of the generator made from (seed, t).

const WORD = 0xffffffffn;
const LONG = (1n << 64n) - 1n;
const WIDE = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

// The 32-bit words of a whole number, the lowest first; of 0 one word.
function words(number) {
  const found = [];
  for (let rest = BigInt(number); found.length === 0 || rest > 0n; rest >>= 32n) found.push(Number(rest & WORD));
  return found;
}

// Four 64-bit numbers from some whole ones: SeedSequence(numbers).generate_state(4, uint64).
function seedState(numbers) {
  const entropy = numbers.flatMap(words);
  let constant = 0x43b0d7e5;
  const hash = (value) => {
    const mixed = value ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    const product = Math.imul(mixed, constant);
    return (product ^ (product >>> 16)) >>> 0;
  };
  const mix = (x, y) => {
    const mixed = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  const pool = [0, 1, 2, 3].map((i) => hash(entropy[i] ?? 0));
  for (const source of pool.keys()) {
    for (const target of pool.keys()) if (source !== target) pool[target] = mix(pool[target], hash(pool[source]));
  }
  for (const extra of entropy.slice(4)) {
    for (const target of pool.keys()) pool[target] = mix(pool[target], hash(extra));
  }
  let other = 0x8b51f9dd;
  const state = Array.from({ length: 8 }, (_, i) => {
    const mixed = pool[i % 4] ^ other;
    other = Math.imul(other, 0x58f38ded);
    const product = Math.imul(mixed, other);
    return BigInt((product ^ (product >>> 16)) >>> 0);
  });
  return [0, 2, 4, 6].map((i) => state[i] | (state[i + 1] << 32n));
}

export class Generator {
  constructor(numbers) {
    const [high, low, streamHigh, streamLow] = seedState(numbers);
    this.increment = ((((streamHigh << 64n) | streamLow) << 1n) | 1n) & WIDE;
    this.state = (this.increment + ((high << 64n) | low)) & WIDE;
    this.turn();
  }

  turn() {
    this.state = (this.state * MULTIPLIER + this.increment) & WIDE;
  }

  // Skips so many draws.
  advance(count) {
    for (let i = 0; i < count; i += 1) this.turn();
    return this;
  }

  // The next number in [0, 1), with 53 random bits.
  random() {
    this.turn();
    const folded = ((this.state >> 64n) ^ this.state) & LONG;
    const turns = this.state >> 122n;
    const bits = ((folded >> turns) | (folded << (64n - turns))) & LONG;
    return Number(bits >> 11n) / 2 ** 53;
  }
}
