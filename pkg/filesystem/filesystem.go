// Package filesystem says what is wrong with the file system under a folder for
// an SQLite database, on which a spool and a collector rest: not all keep what
// they were told to sync. And it says how many files the system lets a program
// have open, so that connections leave some for the database.
package filesystem

// MaxOpen is how many files and connections this process may have open at once
// (getrlimit(2), RLIMIT_NOFILE); 0 where that is not known.
func MaxOpen() int { return maxOpen() }

// Warning says why a database in the folder may be lost, and what to do about
// it; "" where nothing is known against it. The folder need not be there yet.
func Warning(dir string) string { return warning(dir) }
