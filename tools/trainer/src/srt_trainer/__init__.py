"""Trainer of the srt codec's networks: data, training, quantisation, export.

Reading order: `arch` (what a network is), `graph` (the steps of a forward pass, written once), `model`
(those steps in floating point), `integer` (the same in exact integers), `quantise` (from one to the other),
`hierarchy_file` (the safetensors a codec reads), then `pyramid`, `sampling` and `fit` for training.
The arithmetic is that of spec/networks.md; where this package and the spec disagree, this package is wrong.
"""

__version__ = "0.1.0"


class TrainerError(Exception):
    """A mistake in the input or the options, worded for the user; the command line prints it without a trace."""
