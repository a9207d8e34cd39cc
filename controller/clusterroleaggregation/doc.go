// Package clusterroleaggregation writes into each ClusterRole that takes in others
// by label what these allow.
//
//	ClusterRole view                               rules
//	  aggregationRule: aggregate-to-view: "true"     get pods      ◀── system:aggregate-to-view
//	                                                 get widgets   ◀── widgets-view, of whoever made that kind
//
// So whoever adds a kind adds a labelled role, and the roles that people have
// already, admin, edit and view, allow it too. Rules that others write into an
// aggregating role do not stay.
//
// The whole is one function of all roles, [Union]. Roles can take in roles which
// take in others; each change brings the next, until there is none.
//
// # In Kubernetes
//
// There, authorization depends on this controller; our authorizer looks through the
// labels itself, and the rules are for people to read.
package clusterroleaggregation
