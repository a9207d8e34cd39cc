// Package faulty wraps a transport to an API server with the faults that a
// network has, in an order that a seed repeats: requests that fail, answers that
// break off, delays, and servers that say 429 or 500. It never sends a request
// twice. Use it to see whether a component survives: nothing may be lost, only
// late.
//
//	client ──▶ faulty ──▶ InMemory or TCP ──▶ server
//	            │ fail before the server sees the request
//	            │ fail after the server has acted (the answer is lost)
//	            │ delay the request, by up to a maximum
//	            │ answer 429 with Retry-After, or 500
//	            └ cut the body of an answer after some bytes
//
// Faults are drawn for each request, from a generator of its own that the seed and
// the number of the request determine; so the same requests in the same order
// have the same faults, whatever goes on between them. Bytes are not altered.
package faulty
