package snmp

import (
	"context"
	"regexp"
)

// apicSerial is in sysDescr: "APIC VERSION 5.2(1g); PID APIC-SERVER-M3; Serial
// WZP12345678".
var apicSerial = regexp.MustCompile(`(?i)\bSerial ([^;]+)`)

func readAPIC(_ context.Context, _ *session, in *gathered) {
	if sn := serial(group(apicSerial, in.id.descr)); sn != "" {
		in.add(row{unit: true, class: classChassis, serial: sn, pid: in.id.model})
	}
}
