"""What each command is called with. Nothing here imports what a command needs before it runs."""
