// Names and bounds of Kubernetes' protobuf form, shared by the decoder and the encoder.

/** Bodies start with `k8s\0`, then a `runtime.Unknown` message that holds apiVersion, kind and the object's own message. */
export const magic: Uint8Array = Uint8Array.of(0x6b, 0x38, 0x73, 0x00);

/** Messages nested deeper than this are refused; Kubernetes' own kinds stay below 20, JSON schemas go deepest. */
export const nestingDepthMax = 128;

export const wireVarint = 0;
export const wireFixed64 = 1;
export const wireBytes = 2;

/** A body that is not the message it claims to be, or of a kind without a message. Changes nothing; the caller answers 400. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}
