// Package differ sends the same requests to two API servers and tells where the
// answers differ in what a client could notice.
//
//	requests as text ──> Play ──> server A ──> Answer ──┐
//	                        └───> server B ──> Answer ──┴─> Compare ──> differences
//
// Two servers never answer with the same bytes: each gives its own UIDs,
// revisions, times, addresses and names. [Answer] has these replaced, so that what
// is left must be the same.
//
// # Reading order
//
// request.go, stable.go, compare.go.
package differ
