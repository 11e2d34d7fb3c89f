"""Sound on disk: read as mono samples from -1 to 1, measured, resampled, written; pitch. Nothing here imports torch.

Plain WAV files need nothing but the standard library and numpy; FLAC, OGG, MP3 and another sample rate need the extra
`audio`. A file of any length passes at constant memory:

    header = read_header(path)
    meter = LoudnessMeter(header.rate, header.step)
    for block in resampled_blocks(blocks(path, meter=meter), header.rate, codec.rate):
        codec.encode(block)
    remarks(str(path), meter.facts())                  a sentence each for what is silent or clipped
"""

from wavetree.data.audio.loudness import Loudness, LoudnessMeter, remarks
from wavetree.data.audio.pitch import median_pitch, pitches
from wavetree.data.audio.reading import BLOCK, Clip, blocks, read_audio, read_header
from wavetree.data.audio.resampling import resampled, resampled_blocks
from wavetree.data.audio.wav import AudioHeader, Samples
from wavetree.data.audio.writing import WavWriter, write_wav

__all__ = [
    "BLOCK",
    "AudioHeader",
    "Clip",
    "Loudness",
    "LoudnessMeter",
    "Samples",
    "WavWriter",
    "blocks",
    "median_pitch",
    "pitches",
    "read_audio",
    "read_header",
    "remarks",
    "resampled",
    "resampled_blocks",
    "write_wav",
]
