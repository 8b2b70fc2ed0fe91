// Package filesystem says what is wrong with the file system under a folder for
// an SQLite database, on which a spool and a collector rest: not all keep what
// they were told to sync.
package filesystem

// Warning says why a database in the folder may be lost, and what to do about
// it; "" where nothing is known against it. The folder need not be there yet.
func Warning(dir string) string { return warning(dir) }
