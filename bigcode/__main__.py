from bigcode.cli import script

script()
