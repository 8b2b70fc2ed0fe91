package main

import (
	"fmt"
	"runtime"
)

type versionCmd struct{}

// Run implements the command.
func (versionCmd) Run(s streams) error {
	_, err := fmt.Fprintf(s.out, "%s %s (%s %s/%s)\n", program, version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
