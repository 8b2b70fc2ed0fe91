package sshcli

import (
	"fmt"
	"regexp"
	"slices"
)

// allowed are all the commands that this program ever types. They show, or
// turn the pager off for the session; none changes a device.
var allowed = []string{
	"show version", "show inventory", "show inventory all", "admin show inventory",
	"show module", "show diag", "show c7200", "show idprom all", "show idprom backplane",
	"show fex", "show mode", "show serial-number", "show system id", "show udi",
	"show sysinfo", "show ap summary", "show ap inventory all", "show ap config general",
	"show inventory psu", "show inventory fan", "show server inventory", "show chassis inventory",
	"show detail", "show chassis detail", "show fabric-interconnect detail", "show hardware inventory",
	"scope chassis", "scope chassis 1", "top", "changeto system",
	"terminal length 0", "terminal width 511", "terminal pager 0", "terminal datadump", "config paging disable", "set length 0", "paginate false",
	"enable", "exit", "logout",
}

// oneOf are commands about one thing that the device itself has named: an
// access point of a controller, a fabric extender.
var oneOf = regexp.MustCompile(`^show ap config general [A-Za-z0-9._:-]{1,64}$|^show ap name [A-Za-z0-9._:-]{1,64} config general$|^show inventory fex \d{3}$`)

// moves are the commands that lead to another place, where the prompt is
// another one: FXOS, CIMC and UCS Manager have scopes, an ASA has contexts.
// They change nothing but where the session stands.
var moves = regexp.MustCompile(`^(?:scope chassis(?: 1)?|changeto system|top)$`)

// checkCommand refuses whatever is not in the list.
func checkCommand(command string) error {
	if slices.Contains(allowed, command) || oneOf.MatchString(command) {
		return nil
	}
	return fmt.Errorf("cannot run %q: it is not in the list of read-only commands", command)
}
