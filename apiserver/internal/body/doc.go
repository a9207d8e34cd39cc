// Package body reads the object in a request and writes the one in a response,
// for the handlers beside the generic path. It speaks JSON, YAML and protobuf.
//
// A handler of a subresource, such as a pod's binding, is a plain http.Handler.
// What it must do as the generic path does is here: the limit on a body's size,
// strict field validation, the formats a client asks for, and errors as Status.
package body
