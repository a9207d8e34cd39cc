package apiserver

import (
	"slices"
	"strings"
)

// connect hands the request to the code behind a subresource.
func (q *request) connect(connector Connector) error {
	if !q.connectable() {
		return q.methodNotAllowed()
	}
	connection := &Connection{
		Resource: q.resource, Subresource: q.info.Subresource,
		Namespace: q.info.Namespace, Name: q.info.Name,
		Path: q.info.Rest, User: q.user,
	}
	if q.isStream() {
		if err := q.admitRaw(q.admission(Connect, nil, nil)); err != nil {
			return err
		}
	}
	return connector.ServeConnect(q.w, q.Request, connection)
}

// connectable says whether the resource, or its subresource, has the verb.
func (q *request) connectable() bool {
	if q.info.Subresource == "" {
		return slices.Contains(verbsOf(q.resource), q.info.Verb) && q.info.Name == ""
	}
	for _, sub := range q.resource.Subresources {
		if sub.Name == q.info.Subresource {
			return slices.Contains(sub.Verbs, q.info.Verb)
		}
	}
	return true // the connector judges by itself
}

// isStream says whether the connection is one into a pod or through a proxy,
// which admission may refuse as such. Their options have kinds like
// PodExecOptions.
func (q *request) isStream() bool {
	for _, sub := range q.resource.Subresources {
		if sub.Name == q.info.Subresource {
			return strings.HasSuffix(sub.Kind, "Options")
		}
	}
	return false
}
