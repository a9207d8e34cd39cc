package kinds

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// podTemplates are templates that stand alone. No controller uses them.
func podTemplates() *api.Resource {
	type template = *corev1.PodTemplate
	return &api.Resource{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind("PodTemplate"),
		Plural:           "podtemplates",
		Singular:         "podtemplate",
		Namespaced:       true,
		New:              func() api.Object { return &corev1.PodTemplate{} },
		Warnings:         templateWarnings(func(t template) *corev1.PodTemplateSpec { return &t.Template }, "template"),
		NewList:          func() runtime.Object { return &corev1.PodTemplateList{} },
		Default:          api.Do(func(t template) { defaultPodSpec(&t.Template.Spec) }),
		Validate: rule(func(j *judge, t template) {
			checkTemplate(j, &t.Template, field.NewPath("template"))
		}),
		Generation:          true,
		DeleteReturnsObject: true,
		Columns: []api.Column{
			api.NameColumn(),
			text("Containers", "Names of each container in the template.", func(t template) string {
				names, _ := containersText(&t.Template.Spec)
				return names
			}),
			text("Images", "Images referenced by each container in the template.", func(t template) string {
				_, images := containersText(&t.Template.Spec)
				return images
			}),
			text("Pod Labels", "The labels for the pod template.", func(t template) string { return labelText(t.Template.Labels) }),
		},
	}
}
