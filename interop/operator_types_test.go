package interop_test

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// websiteVersion is the API of the operator under test.
var websiteVersion = schema.GroupVersion{Group: "example.com", Version: "v1"}

// A Website is what the operator's users write: testdata/operator/crd.yaml.
type Website struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              WebsiteSpec   `json:"spec"`
	Status            WebsiteStatus `json:"status,omitempty"`
}

type WebsiteSpec struct {
	Text     string `json:"text"`
	Replicas *int32 `json:"replicas,omitempty"`
	Theme    string `json:"theme,omitempty"`
}

type WebsiteStatus struct {
	Ready              int32 `json:"ready"`
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

type WebsiteList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Website `json:"items"`
}

func (w *Website) DeepCopyObject() runtime.Object {
	c := &Website{TypeMeta: w.TypeMeta, ObjectMeta: *w.ObjectMeta.DeepCopy(), Spec: w.Spec, Status: w.Status}
	if w.Spec.Replicas != nil {
		replicas := *w.Spec.Replicas
		c.Spec.Replicas = &replicas
	}
	return c
}

func (l *WebsiteList) DeepCopyObject() runtime.Object {
	c := &WebsiteList{TypeMeta: l.TypeMeta, ListMeta: *l.ListMeta.DeepCopy()}
	for i := range l.Items {
		c.Items = append(c.Items, *l.Items[i].DeepCopyObject().(*Website))
	}
	return c
}

func addWebsites(scheme *runtime.Scheme) {
	scheme.AddKnownTypes(websiteVersion, &Website{}, &WebsiteList{})
	metav1.AddToGroupVersion(scheme, websiteVersion)
}
