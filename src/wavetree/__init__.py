"""A sequence model that fuses two neighbours at a time, level by level. `wavetree --help` says what it does."""
