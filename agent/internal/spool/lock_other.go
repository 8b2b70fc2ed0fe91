//go:build !unix

package spool

import "os"

// lockFile only makes the file: SQLite's own locks keep the data whole when two
// agents share a spool.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
