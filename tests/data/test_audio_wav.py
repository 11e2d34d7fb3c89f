"""WAV files of every kind that is read, beside the standard library and libsndfile; and a sentence for every other."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.data.wav_files import FLOAT, PCM, chunk, content, fmt, riff, tone, wav, written

from wavetree.data.audio import blocks, read_audio, read_header
from wavetree.errors import AudioError

ENCODINGS = [(8, PCM), (16, PCM), (24, PCM), (32, PCM), (32, FLOAT), (64, FLOAT)]
STEP = {8: 2**-7, 16: 2**-15, 24: 2**-23, 32: 2**-24, 64: 2**-24}
SOUND = tone(999)  # an odd number, so that 8 and 24 bits need the pad byte


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(("bits", "tag"), ENCODINGS)
def test_every_encoding(bits: int, tag: int, extensible: bool, tmp_path: Path) -> None:
    clip = read_audio(written(tmp_path, wav(SOUND, bits, tag, 22_050, extensible)))
    assert (clip.rate, clip.channels, clip.samples.dtype, clip.samples.shape) == (22_050, 1, np.float32, (999,))
    assert np.abs(clip.samples - SOUND).max() <= STEP[bits]
    header = read_header(clip.path)
    assert header.encoding == f"{bits}-bit {'float' if tag == FLOAT else 'PCM'}"
    assert (header.frames, header.seconds) == (999, 999 / 22_050)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("bits", "tag"), ENCODINGS)
def test_libsndfile_reads_the_same(bits: int, tag: int, channels: int, tmp_path: Path) -> None:
    frames = np.random.default_rng(1).uniform(-1, 1, (500, channels))
    path = written(tmp_path, wav(frames, bits, tag))
    theirs, rate = soundfile.read(path, dtype="float32", always_2d=True)
    clip = read_audio(path)
    assert (clip.rate, clip.channels) == (rate, channels)
    assert np.abs(clip.samples - theirs.mean(axis=1)).max() <= 2**-23


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64"])
def test_what_libsndfile_writes_is_read(kind: str, subtype: str, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, np.stack([SOUND, SOUND / 2], axis=1), 44_100, subtype, format=kind)
    clip = read_audio(path)
    assert (clip.rate, clip.channels, len(clip.samples)) == (44_100, 2, 999)
    assert np.abs(clip.samples - 0.75 * SOUND).max() < 1.2 * 2**-7
    assert np.abs(clip.samples - soundfile.read(path)[0].mean(axis=1)).max() < 2**-23


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_what_the_standard_library_writes_is_read(width: int, tmp_path: Path) -> None:
    raw = np.random.default_rng(2).integers(0, 256, 60 * width, np.uint8).tobytes()
    with wave.open(str(tmp_path / "x.wav"), "wb") as file:
        file.setparams((1, width, 8_000, 0, "NONE", ""))
        file.writeframes(raw)
    clip = read_audio(tmp_path / "x.wav")
    assert (clip.rate, len(clip.samples)) == (8_000, 60)
    theirs = [int.from_bytes(raw[i : i + width], "little", signed=width > 1) for i in range(0, len(raw), width)]
    scaled = np.array([(level - 128) / 128 if width == 1 else level / 2 ** (8 * width - 1) for level in theirs])
    assert np.abs(clip.samples - scaled).max() < 2**-24


@pytest.mark.parametrize("size", [1, 7, 998, 999, 1000, 10**9])
def test_blocks_are_the_clip(size: int, tmp_path: Path) -> None:
    path = written(tmp_path, wav(np.stack([SOUND, -SOUND / 3], axis=1)))
    cut = list(blocks(path, size))
    assert {len(block) for block in cut[:-1]} <= {size}
    assert np.array_equal(np.concatenate(cut), read_audio(path).samples)
    with pytest.raises(ValueError, match="1 frame or more"):
        blocks(path, 0)


def test_odd_chunks_are_stepped_over(tmp_path: Path) -> None:
    odd = chunk(b"LIST", b"INFOISFT\x05\0\0\0odd!\0") + chunk(b"junk", b"x" * 33) + chunk(b"JUNK", b"")
    path = written(tmp_path, wav(SOUND, 8, before=odd, after=chunk(b"cue ", b"y" * 7)))
    assert np.abs(read_audio(path).samples - SOUND).max() <= 2**-7


@pytest.mark.parametrize(
    ("whole", "data"),
    [
        (0, 0),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x7FFFF024, 0x7FFFF000),
        (0xFFFFFFFF, 0xFFFFFFDB),
        (36, 0),
        (2**31 + 36, 2**31),
    ],
)
def test_a_stream_goes_on_to_the_end(whole: int, data: int, tmp_path: Path) -> None:
    """What ffmpeg, sox, espeak-ng and arecord write where they cannot go back; the half frame at the end is dropped."""
    raw = riff(chunk(b"fmt ", fmt()), chunk(b"data", content(SOUND), data), b"\x01", size=whole)
    assert len(read_audio(written(tmp_path, raw)).samples) == 999


def test_a_true_size_of_zero_is_none(tmp_path: Path) -> None:
    raw = riff(chunk(b"fmt ", fmt()), chunk(b"data", b""), chunk(b"LIST", b"x" * 64))
    refused(written(tmp_path, raw), r"x\.wav holds no samples\. Leave it out")


def test_long_sizes_of_rf64(tmp_path: Path) -> None:
    data = content(SOUND)
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, len(data), 999, 0))
    samples = chunk(b"data", data, 0xFFFFFFFF)
    raw = riff(ds64, chunk(b"fmt ", fmt()), samples, chunk(b"LIST", b"x" * 50), name=b"RF64", size=0xFFFFFFFF)
    assert len(read_audio(written(tmp_path, raw)).samples) == 999
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, 2**40, 999, 0))
    raw = riff(ds64, chunk(b"fmt ", fmt()), samples, name=b"RF64", size=0xFFFFFFFF)
    refused(written(tmp_path, raw), r"is truncated: 1,099,511,625,778 bytes are missing of 1,099,511,627,776")


def refused(path: Path, match: str) -> None:
    """The file is refused with this sentence, by each of the three ways to read it, before anything is read."""
    for read in (read_header, read_audio, blocks):
        with pytest.raises(AudioError, match=match) as caught:
            read(path)
        assert caught.value.exit_code == 2
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("tag", "bits", "match"),
    [
        (6, 8, "is A-law; 8-bit PCM, 16-bit PCM, .* can be read.*ffmpeg -i .*x.wav -c:a pcm_s16le converted.wav"),
        (7, 8, "is mu-law;"),
        (2, 4, "is Microsoft ADPCM;"),
        (0x11, 4, "is IMA ADPCM;"),
        (0x55, 0, "is MP3;"),
        (0x1234, 16, "is encoding 0x1234;"),
        (PCM, 12, "is 12-bit PCM;"),
        (PCM, 0, "is 0-bit PCM;"),
        (FLOAT, 16, "is 16-bit float;"),
    ],
)
@pytest.mark.parametrize("extensible", [False, True])
def test_other_encodings_are_named(tag: int, bits: int, match: str, extensible: bool, tmp_path: Path) -> None:
    raw = riff(chunk(b"fmt ", fmt(bits, tag, extensible=extensible)), chunk(b"data", b"x" * 64))
    refused(written(tmp_path, raw), match)


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        (b"", r"is empty\. Check where it came from"),
        (b"Dear diary, today", r"is no WAV file: it begins with 'Dear diary, ', not with RIFF"),
        (b"RIFF", r"is no WAV file: it begins with 'RIFF', not"),
        (riff(kind=b"AVI "), "is a RIFF file of the kind 'AVI ', not WAVE"),
        (riff(chunk(b"fmt ", fmt())), "has no `data` chunk"),
        (riff(chunk(b"data", b"xx")), "has samples before its `fmt ` chunk"),
        (riff(chunk(b"fmt ", b"x" * 14), chunk(b"data", b"xx")), "has a `fmt ` chunk of 14 bytes"),
        (riff(chunk(b"fmt ", fmt()), b"LIS"), r"is truncated: 5 bytes are missing of the 8 bytes that begin a chunk"),
        (
            riff(chunk(b"fmt ", fmt()), chunk(b"LIST", b"abcd", 90)),
            r"is truncated: 86 bytes are missing of its chunk 'LIST'",
        ),
        (wav(SOUND)[:-1], r"is truncated: 1 byte is missing of 1,998 bytes of samples\. Copy it again"),
        (wav(SOUND)[:1000], r"is truncated: 1,042 bytes are missing of 1,998 bytes"),
        (wav(np.zeros((9, 7))), r"has 7 channels; one or two can be read\. Mix it down.*ffmpeg -i .* -ac 1 mono\.wav"),
        (wav(np.zeros(0)), "holds no samples"),
        (wav(SOUND, rate=0), "says that it has 0 samples a second"),
        (wav(SOUND, rate=4_000_000_000), "says that it has 4,000,000,000 samples a second; 1,000 to 768,000"),
        (riff(chunk(b"fmt ", fmt(channels=0)), chunk(b"data", b"xx")), "says that it has no channels"),
        (riff(chunk(b"fmt ", fmt()[:12] + b"\x09\0" + fmt()[14:]), chunk(b"data", b"x" * 18)), "contradicts itself"),
        (riff(chunk(b"fmt ", fmt(extensible=True)[:-1] + b"?"), chunk(b"data", b"xx")), "of its maker's own"),
        (riff(chunk(b"fmt ", fmt()), chunk(b"junk", b"") * 1000, chunk(b"data", b"xx")), "more than 1,000 chunks"),
        (b"\0\0\0\x20ftypM4A \0\0", "is an MP4 container"),
    ],
)
def test_each_fault_has_its_sentence(raw: bytes, match: str, tmp_path: Path) -> None:
    refused(written(tmp_path, raw), match)


def test_a_high_rate_is_fine(tmp_path: Path) -> None:
    assert read_audio(written(tmp_path, wav(SOUND, 24, rate=96_000))).rate == 96_000


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_named_with_its_place(value: float, tmp_path: Path) -> None:
    frames = np.zeros((2000, 2))
    frames[1600, 1] = value
    path = written(tmp_path, wav(frames, 32, FLOAT))
    with pytest.raises(AudioError, match=rf"x\.wav holds {value:g} at 0\.100 s \(sample 1,601\), which is no sound"):
        read_audio(path)
    with pytest.raises(AudioError, match="sample 1,601"):
        list(blocks(path, 300))


def test_doubles_beyond_float32_are_no_sound(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="holds inf at"):
        read_audio(written(tmp_path, wav([1e300], 64, FLOAT)))


def test_paths_that_are_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(tmp_path, "is a folder")
    written(tmp_path, wav(SOUND), "speech.wav")
    refused(tmp_path / "speach.wav", r"there is no file .*Did you mean .*speech\.wav\?")
    refused(Path("/dev/null"), "is a pipe or a device")
    with pytest.raises(AudioError, match="cannot be read"):
        read_header(Path("a\0b"))

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    refused(tmp_path / "speech.wav", "may not be read by this user")


def test_a_file_that_shrinks_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, wav(tone(100_000)))
    reading = blocks(path, 10)
    next(reading)
    path.write_bytes(b"")
    with pytest.raises(AudioError, match="became shorter while it was read"):
        list(reading)
