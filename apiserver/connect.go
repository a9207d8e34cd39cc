package apiserver

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// connect hands the request to the code behind a subresource.
func (q *request) connect(connector Connector) error {
	if !q.connectable() {
		return noSuchMethod()
	}
	if q.resource.Virtual {
		if _, err := negotiate(q.Request, q.info.Verb, func(f format) bool { return f.shape == asIs }); err != nil {
			return err
		}
	}
	q.hear()
	connection := &Connection{
		Resource: q.resource, Subresource: q.info.Subresource,
		Namespace: q.info.Namespace, Name: q.info.Name,
		Path: q.info.Rest, User: q.user, admit: q.admitAction, trail: q.trail,
	}
	if q.isStream() {
		a := q.admission(Connect, nil, nil)
		a.Options = streamOptions(a.Kind, q.URL.Query(), q.info.Rest)
		if err := q.admitRaw(a); err != nil {
			return err
		}
	}
	return connector.ServeConnect(q.w, q.Request, connection)
}

// admitAction brings the object of an action through admission.
func (q *request) admitAction(obj api.Object) error {
	if q.resource.Virtual {
		if err := q.track(obj, nil); err != nil {
			return err
		}
	}
	a := q.admission(Create, obj, nil)
	a.DryRun = slices.Contains(q.URL.Query()["dryRun"], metav1.DryRunAll)
	a.Options = options{dryRun: a.DryRun, fieldManager: q.URL.Query().Get("fieldManager")}.object(Create)
	if a.Name == "" {
		a.Name = obj.GetName()
	}
	return q.admitRaw(a)
}

// streamOptions are what the query says of a stream, as admission sees it.
func streamOptions(kind schema.GroupVersionKind, query url.Values, rest string) runtime.Object {
	on := func(name string) bool { return isTrue(query.Get(name)) }
	var options runtime.Object
	switch kind.Kind {
	case "PodExecOptions":
		options = &corev1.PodExecOptions{
			Stdin: on("stdin"), Stdout: on("stdout"), Stderr: on("stderr"), TTY: on("tty"),
			Container: query.Get("container"), Command: query["command"],
		}
	case "PodAttachOptions":
		options = &corev1.PodAttachOptions{
			Stdin: on("stdin"), Stdout: on("stdout"), Stderr: on("stderr"), TTY: on("tty"),
			Container: query.Get("container"),
		}
	case "PodPortForwardOptions":
		forward := &corev1.PodPortForwardOptions{}
		for _, text := range query["ports"] {
			if port, err := strconv.ParseInt(text, 10, 32); err == nil {
				forward.Ports = append(forward.Ports, int32(port))
			}
		}
		options = forward
	case "PodProxyOptions":
		options = &corev1.PodProxyOptions{Path: rest}
	case "ServiceProxyOptions":
		options = &corev1.ServiceProxyOptions{Path: rest}
	case "NodeProxyOptions":
		options = &corev1.NodeProxyOptions{Path: rest}
	default:
		return nil
	}
	options.GetObjectKind().SetGroupVersionKind(kind)
	return options
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
