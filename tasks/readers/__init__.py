"""Readers: what turns a copy on disk, in whichever form the user holds it, into a task's splits."""
