package inventory

// SamePart says that two readings name one physical part: equal serials, and
// PIDs of one family or one of them unknown.
func SamePart(a, b Component) bool {
	if a.Serial != b.Serial {
		return false
	}
	return a.PID == "" || b.PID == "" || PIDFamily(a.PID) == PIDFamily(b.PID)
}
