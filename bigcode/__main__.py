from bigcode.cli import main

main()
