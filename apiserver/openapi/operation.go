package openapi

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
)

var (
	answerTypes = []string{api.JSON, api.YAML, api.Protobuf}
	customTypes = []string{api.JSON, api.YAML}
)

// An operation is what a verb does at a place.
type operation struct {
	*paths
	place
	verb string
}

// A verb in the words of OpenAPI: how the operation's name begins, what it is
// described as, and the action by which Kubernetes' tools know it.
type verbWords struct{ name, text, action, method string }

// words returns what a verb is called. KIND stands for the kind.
func (o operation) words() verbWords {
	text := func(main, sub string) string {
		if o.sub != "" {
			return strings.ReplaceAll(sub, "SUB", o.sub)
		}
		return main
	}
	if o.connects() {
		method := map[string]string{"get": "get", "create": "post", "update": "put", "patch": "patch", "delete": "delete"}[o.verb]
		return verbWords{"connect", "connect " + strings.ToUpper(method) + " requests to " + o.sub + " of KIND", "connect", method}
	}
	switch o.verb {
	case "get":
		return verbWords{"read", text("read the specified KIND", "read SUB of the specified KIND"), "get", "get"}
	case "list":
		return verbWords{"list", "list or watch objects of kind KIND", "list", "get"}
	case "create":
		return verbWords{"create", text("create a KIND", "create SUB of a KIND"), "post", "post"}
	case "update":
		return verbWords{"replace", text("replace the specified KIND", "replace SUB of the specified KIND"), "put", "put"}
	case "patch":
		return verbWords{"patch", text("partially update the specified KIND", "partially update SUB of the specified KIND"), "patch", "patch"}
	case "delete":
		return verbWords{"delete", "delete a KIND", "delete", "delete"}
	case "deletecollection":
		return verbWords{"delete", "delete collection of KIND", "deletecollection", "delete"}
	case "watch":
		return verbWords{"watch", "watch changes to an object of kind KIND. deprecated: use the 'watch' parameter with a list operation instead, " +
			"filtered to a single item with the 'fieldSelector' parameter.", "watch", "get"}
	default:
		return verbWords{"watch", "watch individual changes to a list of KIND. deprecated: use the 'watch' parameter with a list operation instead.", "watchlist", "get"}
	}
}

// connects says whether the operation is a stream rather than about an object.
func (o operation) connects() bool { return strings.HasSuffix(o.kind.Kind, "Options") }

func (o operation) method() string { return o.words().method }

// describe returns the operation's description.
func (o operation) describe() object {
	words := o.words()
	described := object{
		"operationId":                     o.id(words),
		"description":                     o.text(words),
		"tags":                            o.tags(),
		"x-kubernetes-action":             words.action,
		"x-kubernetes-group-version-kind": object{"group": o.kind.Group, "version": o.kind.Version, "kind": o.kind.Kind},
		"responses":                       o.responses(),
	}
	if parameters := parametersOf(o.options()...); len(parameters) > 0 {
		described["parameters"] = parameters
	}
	if body := o.body(); body != nil {
		described["requestBody"] = body
	}
	return described
}

// text describes the operation. A kind that is a plural takes no article.
func (o operation) text(words verbWords) string {
	kind, article := o.resource.Kind, "a "
	switch {
	case strings.HasSuffix(kind, "s") && !strings.HasSuffix(kind, "ss"):
		article = ""
	case strings.ContainsAny(kind[:1], "AEIOU"):
		article = "an "
	}
	text := strings.ReplaceAll(words.text, "a KIND", article+"KIND")
	return strings.ReplaceAll(text, "KIND", kind)
}

// id is the operation's name, such as readAppsV1NamespacedDeploymentStatus.
func (o operation) id(words verbWords) string {
	id := words.name + idOf(o.gv)
	switch {
	case o.verb == "deletecollection":
		id += "Collection"
	case o.connects():
		id += capital(words.method)
	}
	if strings.Contains(o.path, "{namespace}") {
		id += "Namespaced"
	}
	id += o.resource.Kind + capital(o.sub)
	if o.verb == "watchlist" {
		id += "List"
	}
	return id + o.suffix
}

// idOf is a group's version in the name of an operation: CoreV1, RbacAuthorizationV1.
func idOf(gv schema.GroupVersion) string {
	group := strings.TrimSuffix(gv.Group, ".k8s.io")
	if group == "" {
		group = "core"
	}
	var id strings.Builder
	for _, part := range strings.FieldsFunc(group, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		id.WriteString(capital(part))
	}
	return id.String() + capital(gv.Version)
}

func capital(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}

// options are the types whose fields are the operation's query parameters.
func (o operation) options() []reflect.Type {
	switch {
	case o.sub == "log":
		return []reflect.Type{reflect.TypeFor[corev1.PodLogOptions]()}
	case o.connects():
		if example, err := api.Scheme().New(o.kind); err == nil {
			return []reflect.Type{reflect.TypeOf(example).Elem()}
		}
		return nil
	}
	switch o.verb {
	case "list", "watch", "watchlist":
		return []reflect.Type{reflect.TypeFor[listOptions]()}
	case "create":
		return []reflect.Type{reflect.TypeFor[metav1.CreateOptions]()}
	case "update":
		return []reflect.Type{reflect.TypeFor[metav1.UpdateOptions]()}
	case "patch":
		return []reflect.Type{reflect.TypeFor[metav1.PatchOptions]()}
	case "delete":
		return []reflect.Type{reflect.TypeFor[metav1.DeleteOptions]()}
	case "deletecollection":
		return []reflect.Type{reflect.TypeFor[metav1.DeleteOptions](), reflect.TypeFor[listOptions]()}
	default:
		return nil
	}
}

// responses says what the operation answers.
func (o operation) responses() object {
	types := answerTypes
	if isCustom(o.resource) {
		types = customTypes
	}
	switch {
	case o.connects():
		return responses([]string{"*/*"}, object{"type": "string"}, http.StatusOK)
	case o.verb == "list":
		for _, mediaType := range types {
			if mediaType != api.YAML {
				types = append(types[:len(types):len(types)], mediaType+";stream=watch")
			}
		}
		list := o.resource.NewList().GetObjectKind().GroupVersionKind()
		if list.Kind == "" {
			list = o.kind
			list.Kind += "List"
		}
		return responses(types, o.reference(list), http.StatusOK)
	case strings.HasPrefix(o.verb, "watch"):
		return responses(types, o.schemas.ref(&metav1.WatchEvent{}), http.StatusOK)
	case o.verb == "create":
		return responses(types, o.reference(o.kind), http.StatusOK, http.StatusCreated, http.StatusAccepted)
	case o.verb == "update", o.verb == "patch":
		return responses(types, o.reference(o.kind), http.StatusOK, http.StatusCreated)
	case o.verb == "deletecollection":
		return responses(types, o.schemas.ref(&metav1.Status{}), http.StatusOK)
	case o.verb == "delete" && !o.resource.DeleteReturnsObject:
		return responses(types, o.schemas.ref(&metav1.Status{}), http.StatusOK, http.StatusAccepted)
	case o.verb == "delete":
		return responses(types, o.reference(o.kind), http.StatusOK, http.StatusAccepted)
	case o.sub == "log":
		return responses([]string{"text/plain"}, object{"type": "string"}, http.StatusOK)
	default:
		return responses(types, o.reference(o.kind), http.StatusOK)
	}
}

// reference refers to the schema of a kind, which it adds if it has a Go type.
func (o operation) reference(kind schema.GroupVersionKind) object {
	if kind.GroupVersion() == o.resource.GroupVersion() && isCustom(o.resource) {
		return object{"$ref": refPrefix + customName(kind)}
	}
	example, err := api.Scheme().New(kind)
	if err != nil && kind == o.resource.GroupVersionKind {
		example, err = o.resource.New(), nil
	}
	if err != nil && kind.Kind == o.resource.Kind+"List" {
		example, err = o.resource.NewList(), nil
	}
	if err != nil {
		return object{"type": "object"}
	}
	return object{"$ref": refPrefix + o.schemas.addKind(kind, example)}
}

func responses(mediaTypes []string, described object, codes ...int) object {
	answers := object{"401": object{"description": http.StatusText(http.StatusUnauthorized)}}
	for _, code := range codes {
		answers[strconv.Itoa(code)] = object{"description": http.StatusText(code), "content": content(mediaTypes, described)}
	}
	return answers
}

func content(mediaTypes []string, described object) object {
	c := object{}
	for _, mediaType := range mediaTypes {
		c[mediaType] = object{"schema": described}
	}
	return c
}

// body says what a write takes.
func (o operation) body() object {
	if o.connects() {
		return nil
	}
	switch o.verb {
	case "create", "update":
		return object{"content": content([]string{"*/*"}, o.reference(o.kind)), "required": true}
	case "delete", "deletecollection":
		return object{"content": content([]string{"*/*"}, o.schemas.ref(&metav1.DeleteOptions{}))}
	case "patch":
		mediaTypes := []string{string(types.JSONPatchType), string(types.MergePatchType), string(types.ApplyPatchType)}
		if !isCustom(o.resource) {
			mediaTypes = append(mediaTypes, string(types.StrategicMergePatchType))
		}
		name := o.schemas.add(reflect.TypeFor[metav1.Patch]())
		return object{"content": content(mediaTypes, object{"$ref": refPrefix + name}), "required": true}
	default:
		return nil
	}
}

// listOptions are the parameters of a list or watch that the server knows.
type listOptions metav1.ListOptions

// SwaggerDoc describes them, as of the type they come from.
func (listOptions) SwaggerDoc() map[string]string { return metav1.ListOptions{}.SwaggerDoc() }
