"""What a data set holds, looked at before it is used: ``dmx data``."""
