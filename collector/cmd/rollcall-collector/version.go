package main

import (
	"fmt"
	"runtime"
)

type versionCmd struct{}

// Run prints the version and what the program was built with.
func (c *versionCmd) Run(std stdio) error {
	_, err := fmt.Fprintf(std.out, "%s %s (%s, %s/%s)\n", program, version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
