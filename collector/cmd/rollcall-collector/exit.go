package main

import "fmt"

// exitStatus ends the program with that status, after the command has said on
// standard error what there is to say.
type exitStatus int

// The ways to end other than well.
const (
	failed     exitStatus = 1 // the program failed
	wrongUsage exitStatus = 2
	missing    exitStatus = 3 // it ran, but something it was asked for is not there
)

// Error returns the status in words.
func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
