package proxy

// An accessLog has a line for each request. Lines are formatted by those who have them written; who takes
// them does not wait.
type accessLog struct {
	take func(line []byte) // nil = off
	json bool
}
