import { type k8s, k8s as kubernetes } from 'cdk8s-plus-33';

/** A Kubernetes quantity: "50m", "128Mi". */
export const quantity = (text: string): k8s.Quantity => kubernetes.Quantity.fromString(text);

/** A number where Kubernetes takes a name or a percentage too. */
export const port = (number: number): k8s.IntOrString => kubernetes.IntOrString.fromNumber(number);

/** The port of that name. */
export const portName = (name: string): k8s.IntOrString => kubernetes.IntOrString.fromString(name);

/** A percentage. */
export const percent = (number: number): k8s.IntOrString => kubernetes.IntOrString.fromString(`${number}%`);
