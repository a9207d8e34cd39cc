package client

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

// A form is how objects of a kind look to the client.
type form int

const (
	typed        form = iota // the Go struct of the kind
	metadataOnly             // metav1.PartialObjectMetadata
	dynamic                  // unstructured.Unstructured
)

// The Accept headers. Protobuf comes first for kinds that have such a form.
const (
	acceptBuiltin = api.Protobuf + "," + api.JSON
	asMetadata    = ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	asMetaList    = ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

func (k *Kind[T]) accept(list bool) string {
	switch {
	case k.form == metadataOnly:
		as := asMetadata
		if list {
			as = asMetaList
		}
		if k.client.json {
			return api.JSON + as + "," + api.JSON
		}
		return api.Protobuf + as + "," + api.JSON + as + "," + api.JSON
	case k.form == dynamic || k.client.json:
		return api.JSON
	default:
		return acceptBuiltin
	}
}

// bodyType returns the media type to send obj in.
func (k *Kind[T]) bodyType(obj runtime.Object) string {
	_, isMap := obj.(runtime.Unstructured)
	if isMap || k.client.json {
		return api.JSON
	}
	return api.Protobuf
}

// decode reads one object of the kind.
func (k *Kind[T]) decode(mediaType string, data []byte) (T, error) {
	obj := k.empty()
	var err error
	if k.form == metadataOnly && mediaType == api.JSON {
		// A server that knows no partial form sends whole objects.
		err = json.Unmarshal(data, obj)
	} else {
		err = answer{mediaType: mediaType, body: data}.decode(obj)
	}
	if err == nil {
		obj.GetObjectKind().SetGroupVersionKind(k.resource.GroupVersionKind)
	}
	return obj.(T), err
}

func (k *Kind[T]) empty() api.Object {
	switch k.form {
	case metadataOnly:
		return &metav1.PartialObjectMetadata{}
	case dynamic:
		return &unstructured.Unstructured{}
	default:
		return k.resource.New()
	}
}

func (k *Kind[T]) emptyList() runtime.Object {
	switch k.form {
	case metadataOnly:
		return &metav1.PartialObjectMetadataList{}
	case dynamic:
		return &unstructured.UnstructuredList{}
	default:
		return k.resource.NewList()
	}
}

func (k *Kind[T]) decodeList(a answer) (*List[T], error) {
	raw := k.emptyList()
	if k.form == metadataOnly && a.mediaType == api.JSON {
		if err := json.Unmarshal(a.body, raw); err != nil {
			return nil, err
		}
	} else if err := a.decode(raw); err != nil {
		return nil, err
	}
	header, err := meta.ListAccessor(raw)
	if err != nil {
		return nil, err
	}
	list := &List[T]{
		ResourceVersion: header.GetResourceVersion(),
		Continue:        header.GetContinue(),
		Remaining:       header.GetRemainingItemCount(),
	}
	err = meta.EachListItem(raw, func(item runtime.Object) error {
		item.GetObjectKind().SetGroupVersionKind(k.resource.GroupVersionKind)
		list.Items = append(list.Items, item.(T))
		return nil
	})
	return list, err
}
