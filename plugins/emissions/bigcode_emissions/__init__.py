"""Emissions of a release from device hours, nameplate power, PUE and grid intensity."""
