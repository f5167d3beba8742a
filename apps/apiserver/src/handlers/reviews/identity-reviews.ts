// authentication.k8s.io: whose is this token, and who am I?
import { badRequest, childOf, type JsonObject, listAt, StatusError, textAt, timeText } from "@triarch/api";
import type { UserInfo } from "@triarch/auth";
import type { Answer } from "../../http/answer.ts";
import type { ResourceCall } from "../api.ts";
import { handleReview } from "./review.ts";

export async function handleTokenReview(call: ResourceCall): Promise<Answer> {
  return handleReview(call, async (review) => {
    const spec = childOf(review, "spec");
    const token = textAt(spec, "token");
    if (token === "") throw new StatusError(badRequest("token is required for TokenReview in authentication"));
    const audiences = listAt(spec, "audiences").filter((audience) => typeof audience === "string");
    const result = await call.api.identity.authenticator.authenticateToken(token, audiences);
    if (result.kind === "refused") return { user: {}, error: result.why };
    return {
      authenticated: true,
      user: userDocument(result.user),
      ...(result.audiences.length === 0 ? {} : { audiences: result.audiences }),
    };
  });
}

export async function handleSelfSubjectReview(call: ResourceCall): Promise<Answer> {
  return handleReview(call, (review) => {
    childOf(review, "metadata")["creationTimestamp"] = timeText(call.api.registry.clock.nowMs());
    return { userInfo: userDocument(call.request.user) };
  });
}

function userDocument({ name, uid, groups, extra }: UserInfo): JsonObject {
  return {
    username: name,
    ...(uid === "" ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups }),
    ...(extra === undefined ? {} : { extra }),
  };
}
