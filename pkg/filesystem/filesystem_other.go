//go:build !linux

package filesystem

func warning(string) string { return "" }

func maxOpen() int { return 0 }
