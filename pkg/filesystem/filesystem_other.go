//go:build !linux

package filesystem

func warning(string) string { return "" }
