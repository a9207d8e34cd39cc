package apiserver

import (
	"context"
	"net/http"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// A User is who sent a request. One may be shared by many requests, so nobody
// changes it.
type User struct {
	Name   string
	UID    string
	Groups []string
	Extra  map[string][]string
}

// Info returns the user as the API has it. It shares memory with the user; a nil
// user is an empty one.
func (u *User) Info() authenticationv1.UserInfo {
	if u == nil {
		return authenticationv1.UserInfo{}
	}
	info := authenticationv1.UserInfo{Username: u.Name, UID: u.UID, Groups: u.Groups}
	for key, values := range u.Extra {
		if info.Extra == nil {
			info.Extra = map[string]authenticationv1.ExtraValue{}
		}
		info.Extra[key] = values
	}
	return info
}

// An Authenticator finds out who sent a request. The server asks its
// authenticators in order; the first that knows the user wins.
type Authenticator interface {
	// Authenticate returns the user, or nil when this authenticator has no
	// opinion, or an error when the credentials are its to judge and bad: the
	// request then ends with 401 Unauthorized.
	Authenticate(r *http.Request) (*User, error)
}

// Attributes say what a request wants to do, in the words that rules are
// written in.
type Attributes struct {
	User *User
	// Verb is one of get, list, watch, create, update, patch, delete,
	// deletecollection, impersonate, or for a path outside resources the HTTP
	// method in lower case. A stream such as pods/exec has the verb of its
	// HTTP method, get or create.
	Verb string
	// Resource is empty for a path outside resources; then Path is set.
	Resource    schema.GroupVersionResource
	Subresource string
	Namespace   string
	Name        string
	Path        string
	// FieldSelector and LabelSelector narrow a list, watch or deletecollection.
	FieldSelector, LabelSelector string
}

// A Decision is what an authorizer answers.
type Decision int

// The decisions. What no authorizer allows is denied.
const (
	NoOpinion Decision = iota
	Allow
	Deny
)

// An Authorizer decides whether a request may happen.
type Authorizer interface {
	// Authorize returns a decision and a reason for people to read.
	Authorize(ctx context.Context, a *Attributes) (Decision, string, error)
}

// Objects is direct access to the stored objects for the server's own parts:
// admission hooks, authorizers, token checks. It reads from the watch cache and
// writes past authentication, authorization and admission.
type Objects interface {
	// Get returns the object, which the caller must not change, or a NotFound
	// status error.
	Get(ctx context.Context, r *api.Resource, namespace, name string) (api.Object, error)
	// List returns the objects of a namespace ("" for all), which the caller
	// must not change.
	List(ctx context.Context, r *api.Resource, namespace string) ([]api.Object, error)
	// Create stores a new object and returns it as stored.
	Create(ctx context.Context, r *api.Resource, obj api.Object) (api.Object, error)
	// Modify reads the object, lets change alter a copy of it in place, and
	// writes that back, again from the start when somebody else was faster.
	Modify(ctx context.Context, r *api.Resource, namespace, name string, change func(api.Object) error) (api.Object, error)
	// Delete removes the object at once.
	Delete(ctx context.Context, r *api.Resource, namespace, name string) error
}

// A Connector serves one subresource that is not an object: a stream
// (pods/exec), a text (pods/log) or an action (pods/binding). The server has
// authenticated and authorized the request before it calls.
type Connector interface {
	ServeConnect(w http.ResponseWriter, r *http.Request, c *Connection) error
}

// A Connection is the object whose subresource a [Connector] serves.
type Connection struct {
	Resource    *api.Resource
	Subresource string
	Namespace   string
	Name        string
	// Path is what follows the subresource in the URL, for proxies.
	Path string
	User *User

	admit func(obj api.Object) error
	trail *trail
}

// Admit brings the object that an action is given, such as a Binding, through
// admission as a create; hooks may change it. A connector calls it when it has
// read the object. Streams have been admitted before.
func (c *Connection) Admit(obj api.Object) error {
	if c.admit == nil {
		return nil // a connection that no server has made
	}
	return c.admit(obj)
}

// Annotate adds to what the audit log says of the request.
func (c *Connection) Annotate(key, value string) { c.trail.annotate(key, value) }

// A NodeTransport reaches the kubelet of a node.
type NodeTransport interface {
	// RoundTripper returns how to talk to the node's kubelet and the base
	// URL to do it under. It must support protocol upgrades: a 101 response
	// whose Body is an io.ReadWriteCloser.
	RoundTripper(node *corev1.Node) (http.RoundTripper, string, error)
}

// A Group is an API group served by a handler of its own rather than by the
// generic path, such as metrics.k8s.io. Requests reach the handler
// authenticated and authorized, with their full path.
type Group struct {
	schema.GroupVersion
	Resources []metav1.APIResource
	Handler   http.Handler
}
