// Package auth decides who sends a request and whether they may.
//
// # Model
//
// A request passes two questions before anything else looks at it.
//
//	           who?                         may they?
//	request -> authenticators ---> user --> Union -----------> on
//	           InProcess           name     Masters
//	           X509                groups   Node
//	           Tokens              extra    RBAC
//	           Anonymous
//	             | bad credentials            | nobody allows
//	             v                            v
//	            401                          403
//
// An authenticator answers with a user, with "not mine", or with an error when the
// credentials are its to judge and bad. An error ends the request: whoever shows
// bad credentials does not go on as anonymous. An authorizer allows, denies, or
// has no opinion; what nobody allows is denied.
//
// Authority comes only from a verified certificate, a verified token, or the
// process itself ([As], [WithUser]): no header says who somebody is. The
// Impersonate headers say whom a known user wants to act as; the server asks the
// authorizer about each part of that.
//
// # Tokens
//
// [Tokens] signs service account tokens and checks them. A token names its account,
// and often a pod, by name and uid; it is worth nothing once one of them is gone
// or was made anew. Nothing about tokens is stored.
//
// # Policy
//
// policy.go holds the roles and bindings that a cluster starts with, as data.
// [Bootstrap] writes them to the store and leaves alone what people added.
// [Escalation] and [NodeRestriction] are the admission hooks that look into what
// is written, where an authorizer sees names only.
//
// # Concurrency
//
// Everything here is safe for concurrent use, and reads the stored objects at
// every request through [apiserver.Objects]: a binding that is deleted has no
// effect any more for the next request.
//
// # In Kubernetes
//
// kube-apiserver has more ways to authenticate (front proxies, OpenID Connect,
// webhooks, bootstrap tokens) and to authorize (webhooks, CEL). Its node
// authorizer keeps a graph of which node may see which object; ours looks at the
// node's pods. The roles that aggregate others are filled in by a controller
// there, and computed when asked here.
//
// # Reading order
//
// users.go, authenticate.go, x509.go, tokens.go, bound.go;
// authorize.go, rules.go, rbac.go, node.go; policy.go, bootstrap.go,
// escalation.go; then the APIs: reviews.go, identity.go, tokenrequest.go, oidc.go;
// auth.go puts it all together.
package auth
