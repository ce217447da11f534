"""Why a picture was called what it was called: maps of what counted, and a check of each."""
