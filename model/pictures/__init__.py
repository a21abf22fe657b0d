"""What a training run reads of a catalogue's pictures: of which size, and through which eyes.

May import `model.eyes` and the settings of training; training itself knows only arrays.
"""
