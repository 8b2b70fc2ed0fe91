package wire

import "fmt"

// Limits on how much memory a body may become. A value takes far more of it
// than the two bytes of text that it can be written in: without these, a body of
// MaxDecoded bytes would be more than a gigabyte of empty reports.
const (
	// An object is a report, a component or a problem, which have 100 bytes and
	// more when they are written out, and fewer when fields will be left out. Some
	// are free.
	bytesPerObject = 32
	freeObjects    = 1000
	maxObjects     = 200_000
	// A comma parts two values. There are 12 bytes to one in the shortest
	// components.
	bytesPerValue = 6
	freeValues    = 10_000
	// maxDepth is how deep they may be nested: a component is at 5.
	maxDepth = 64
)

// checkValues looks at the shape of a JSON text without decoding it. Whether it
// is JSON at all is said by decoding.
func checkValues(raw []byte) error {
	var open [maxDepth]int // values so far of each container that is open
	maxObjects := min(maxObjects, freeObjects+len(raw)/bytesPerObject)
	maxValues := freeValues + len(raw)/bytesPerValue
	objects, values, depth := 0, 0, 0
	text := false // inside a string
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if text {
			switch c {
			case '\\':
				i++ // what comes next does not end the string
			case '"':
				text = false
			}
			continue
		}
		switch c {
		case '"':
			text = true
		case '{', '[':
			if depth == maxDepth {
				return fmt.Errorf("nested more than %d times: %w", maxDepth, ErrTooLarge)
			}
			open[depth] = 1
			depth++
			if c == '{' {
				objects++
			}
		case '}', ']':
			depth = max(depth-1, 0)
		case ',':
			values++
			if depth == 0 {
				continue
			}
			open[depth-1]++
			// The reports are the array at depth 2: {"reports":[
			if n := open[depth-1]; n > MaxComponents || depth == 2 && n > MaxReports {
				return fmt.Errorf("more than %d in a row: %w", n-1, ErrTooLarge)
			}
		}
		if objects > maxObjects || values > maxValues {
			return fmt.Errorf("more than %d objects or %d values: %w", maxObjects, maxValues, ErrTooLarge)
		}
	}
	return nil
}
