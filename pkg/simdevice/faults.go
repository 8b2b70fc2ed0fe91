package simdevice

import (
	"math/rand/v2"
	"time"
)

// Faults are ways in which a device misbehaves. Most are known from real
// devices; the others are what a hostile one could do.
type Faults struct {
	// Seed makes chance repeatable.
	Seed uint64 `yaml:"seed"`

	// TooBigAt answers tooBig to a request for more variables than this.
	TooBigAt int `yaml:"too_big_at"`
	// EndlessWalk makes each column of entPhysicalTable go on for ever, with
	// rising OIDs.
	EndlessWalk bool `yaml:"endless_walk"`
	// RepeatOID wraps the end of a column to its first row, as the Catalyst
	// 1900 does.
	RepeatOID bool `yaml:"repeat_oid"`
	// StuckOID answers a GETNEXT with the very OID that was asked.
	StuckOID bool `yaml:"stuck_oid"`
	// LossPercent of the requests get no answer.
	LossPercent int `yaml:"loss_percent"`
	// DelayReplies is how long each answer takes. The agent serves one request
	// after the other meanwhile, as small devices do.
	DelayReplies time.Duration `yaml:"delay_replies"`
	// GenErrAfter answers genErr to every request of a walk after this many,
	// counted from the time that the faults were set.
	GenErrAfter int `yaml:"gen_err_after"`
	// RebootMidWalk restarts the device, once, at the third request of a walk:
	// the request is lost, sysUpTime begins again and snmpEngineBoots rises.
	RebootMidWalk bool `yaml:"reboot_mid_walk"`
	// V1Only answers neither v2c nor v3.
	V1Only bool `yaml:"v1_only"`
	// NoEntityMIB leaves ENTITY-MIB out.
	NoEntityMIB bool `yaml:"no_entity_mib"`
	// EmptyReplies carry no variables and no error.
	EmptyReplies bool `yaml:"empty_replies"`
	// WrongRequestID answers with another request's id.
	WrongRequestID bool `yaml:"wrong_request_id"`
	// OtherSource answers from another port than was asked.
	OtherSource bool `yaml:"other_source"`
	// Truncated cuts the last quarter off each answer.
	Truncated bool `yaml:"truncated"`
	// ReportFlood meets every authenticated v3 message with the report
	// notInTimeWindows.
	ReportFlood bool `yaml:"report_flood"`
	// EngineTimeOff is by how much snmpEngineTime is wrong where the engine
	// introduces itself; only a message that is signed has it right.
	EngineTimeOff time.Duration `yaml:"engine_time_off"`
	// LongStringBytes is the length of the first entPhysicalDescr, 60,000 at
	// most.
	LongStringBytes int `yaml:"long_string_bytes"`

	// SSHBusy closes each connection at once, as when all VTY lines are taken.
	SSHBusy bool `yaml:"ssh_busy"`
	// HangBeforeAuth never answers the client's greeting.
	HangBeforeAuth bool `yaml:"hang_before_auth"`
	// HangAfterLogin never shows a prompt.
	HangAfterLogin bool `yaml:"hang_after_login"`
	// HangMidOutput stops in the middle of each output.
	HangMidOutput bool `yaml:"hang_mid_output"`
	// EchoPassword shows what is typed at a password prompt.
	EchoPassword bool `yaml:"echo_password"`
	// BannerBytes come after the login, before the prompt; below 0 they never
	// end.
	BannerBytes int64 `yaml:"banner_bytes"`
	// LineBytes is a line of this length in front of each output.
	LineBytes int64 `yaml:"line_bytes"`
	// EndlessOutput repeats each output for ever.
	EndlessOutput bool `yaml:"endless_output"`
	// AlwaysMore pages each output and can't be told not to.
	AlwaysMore bool `yaml:"always_more"`
	// ForgedPrompt puts lines that look like prompts into each output, and
	// pauses after each.
	ForgedPrompt bool `yaml:"forged_prompt"`
	// DenyCommand refuses every command of the inventory for want of privilege.
	DenyCommand bool `yaml:"deny_command"`
	// WrongHostKeyEachTime shows another host key at each connection.
	WrongHostKeyEachTime bool `yaml:"wrong_host_key_each_time"`
	// LegacySSH offers only what IOS 12 had: group1-sha1, ssh-rsa with 1024
	// bits, 3des-cbc, hmac-sha1.
	LegacySSH bool `yaml:"legacy_ssh"`
	// CloseMidOutput ends the connection in the middle of each output.
	CloseMidOutput bool `yaml:"close_mid_output"`
}

// chance draws the fate of each request.
type chance struct{ r *rand.Rand }

func newChance(seed uint64) *chance { return &chance{rand.New(rand.NewPCG(seed, 0x73696d))} }

func (c *chance) loses(percent int) bool { return percent > 0 && c.r.IntN(100) < percent }

// walks says that the request is one of a walk, not a look at the system group.
func walks(request pdu) bool {
	system, err := parseOID("1.3.6.1.2.1.1")
	if err != nil || request.kind == tagGet || len(request.bindings) == 0 {
		return false
	}
	return !request.bindings[0].name.under(system)
}

// faultyAnswer is what a device with a fault does when the fault shows in this
// request: it answers something else, or, with done and no response, nothing.
func (s *Server) faultyAnswer(st *state, request pdu) (response *pdu, done bool) {
	f := st.device.Faults
	asked := len(request.bindings)
	if request.kind == tagGetBulk {
		single := min(max(int(request.status), 0), asked)
		asked = single + (asked-single)*max(int(request.index), 0)
	}
	var walked int64
	if walks(request) {
		walked = st.walked.Add(1)
	}
	empty := &pdu{kind: tagResponse, requestID: request.requestID}
	switch {
	case f.TooBigAt > 0 && asked > f.TooBigAt:
		empty.status = statusTooBig
		return empty, true
	case f.EmptyReplies:
		return empty, true
	case f.RebootMidWalk && walked == rebootAt && !st.rebooted.Load():
		s.reboot()
		return nil, true
	case f.GenErrAfter > 0 && walked > int64(f.GenErrAfter):
		e := errorPDU(request, statusGenErr, 1)
		return &e, true
	}
	return nil, false
}

// rebootAt is the request of a walk at which a device restarts.
const rebootAt = 3
