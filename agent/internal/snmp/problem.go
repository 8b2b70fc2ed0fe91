package snmp

import (
	"fmt"

	"rollcall/pkg/inventory"
)

func typeName(v any) string { return fmt.Sprintf("%T", v) }

// refusal words a failure of the first request, and sorts it.
func refusal(t Target, f *failure) (inventory.ProblemKind, string) {
	label := t.Credential.label()
	switch f.cause {
	case causeTimeout:
		return silence(t, f)
	case causeBudget:
		return inventory.ProblemUnreachable, fmt.Sprintf("no answer within the %s for the whole device: the device is off, not reachable or very slow. Check it, or raise the time-out.", t.Budget)
	case causeRefused:
		return inventory.ProblemUnreachable, fmt.Sprintf("no SNMP agent listens on UDP port %d: the machine is up but refuses. Enable SNMP on the device, or correct the port.", t.Port)
	case causeNetwork:
		return inventory.ProblemUnreachable, fmt.Sprintf("cannot send to the device: %s. Check the address and the route from this machine.", f.detail)
	case causeUser:
		return inventory.ProblemCredentialRefused, fmt.Sprintf("the device does not know user %q of %s. Create the user on the device, or correct the name.", t.Credential.User, label)
	case causeDigest:
		return inventory.ProblemCredentialRefused, fmt.Sprintf("the device refuses the authentication of user %q: the authentication password or protocol of %s is wrong. Set both as on the device.", t.Credential.User, label)
	case causeDecryption:
		return inventory.ProblemCredentialRefused, fmt.Sprintf("the device cannot decrypt what user %q sends: the privacy password or protocol of %s is wrong. Set both as on the device.", t.Credential.User, label)
	case causeLevel:
		return inventory.ProblemCredentialRefused, fmt.Sprintf("the device does not allow the security level of %s to user %q: one side wants authentication or privacy that the other has not. Set the protocols as on the device.", label, t.Credential.User)
	case causeElsewhere:
		return inventory.ProblemUnreachable, fmt.Sprintf("the answer came from %s and not from the address that was asked, and %s does not prove who sent it. Poll the device at that address, have it answer from the right one (`snmp-server source-interface`), use an SNMPv3 user with authentication, or set any_source on the credential.", f.detail, label)
	case causeAccess:
		return inventory.ProblemCredentialRefused, fmt.Sprintf("the device answers %s: it lets %s read nothing. Give its group a read view, or use the security level (authentication, privacy) that the group asks for.", f.detail, label)
	case causeTime:
		return inventory.ProblemCredentialRefused, "the device keeps answering that the request is not in its time window: its SNMP engine has lost its count of restarts. Set its clock, or delete and create the SNMPv3 user anew."
	case causeSecret:
		return inventory.ProblemCredentialRefused, fmt.Sprintf("%s cannot be used: %s.", label, f.detail)
	}
	return inventory.ProblemUnreachable, fmt.Sprintf("%s came instead of an SNMP answer. Check that UDP port %d of the device is its SNMP agent.", f.detail, t.Port)
}

// silence words a time-out. With communities the three causes look alike.
func silence(t Target, f *failure) (inventory.ProblemKind, string) {
	tries := t.Retries + 1
	switch {
	case t.Credential.weak():
		return inventory.ProblemUnreachable, fmt.Sprintf("no answer: the device is off or not reachable, the community is wrong, or an access list blocks us (%d tries of %s). Ping it, then compare the community and the access list of its SNMP settings.", tries, t.Timeout)
	case f.greeted:
		return inventory.ProblemCredentialRefused, fmt.Sprintf("the device has an SNMPv3 agent but does not answer user %q: the privacy password or protocol of %s is wrong, or its context. Set them as on the device.", t.Credential.User, t.Credential.label())
	}
	return inventory.ProblemUnreachable, fmt.Sprintf("no answer: the device is off or not reachable, has no SNMPv3 agent, or an access list blocks us (%d tries of %s). Ping it, then check its SNMP settings.", tries, t.Timeout)
}

func incomplete(short *shortfall) string {
	return fmt.Sprintf("%s was not read to its end: %s. What is missing from it counts as not known, not as gone; if it happens every time, raise the time-out or add SSH for this device.", short.table, short.why)
}

func standsIn(part string) string {
	return fmt.Sprintf("the chassis tells no serial number, and that of %q stands in, which may not be the one on the contract. Add SSH for this device: `show inventory` or `show version` has the chassis's own; else read the label.", part)
}

func weakAccess(t Target) string {
	return fmt.Sprintf("SNMPv%s sends its community and all it reads in clear text. Create an SNMPv3 user with authentication and privacy on the device and use that.", t.Credential.Version)
}
