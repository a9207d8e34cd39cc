package kinds_test

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
)

// A kind is found by its name, fills in what was left out, and says what is
// wrong.
func Example() {
	pods := kinds.Registry().Resource(corev1.SchemeGroupVersion.WithResource("pods"))

	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "web", Image: "nginx:1.29",
			VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
		}}},
	}
	pods.Default(pod)
	fmt.Println(pod.Spec.RestartPolicy, pod.Spec.Containers[0].ImagePullPolicy)
	for _, err := range pods.Validate(pod) {
		fmt.Println(err)
	}
	// Output:
	// Always IfNotPresent
	// spec.containers[0].volumeMounts[0].name: Not found: "data"
}

// Each kind brings the columns that kubectl shows.
func ExampleRegistry() {
	services := kinds.Registry().Resource(corev1.SchemeGroupVersion.WithResource("services"))
	for _, column := range services.TableHeader() {
		fmt.Print(column.Name, " ")
	}
	// Output:
	// Name Type Cluster-IP External-IP Port(s) Age Selector
}
