import { DDA_CLASS } from "./dda/dda-provider.js";
import { FILE_LOG_CLASS } from "./file-log/file-log-provider.js";
import { FILE_PUSHER_CLASS } from "./file-pusher/file-pusher-provider.js";
import { HTTP_EGRESS_CLASS } from "./http-egress/http-egress-provider.js";
import { HTTP_INGRESS_CLASS } from "./http-ingress/http-ingress-provider.js";
import { HTTP_POSTER_CLASS } from "./http-poster/http-poster-provider.js";
import { KAFKA_EGRESS_CLASS } from "./kafka-egress/kafka-egress-provider.js";
import { OLLAMA_CLASS } from "./ollama/ollama-provider.js";
import { REDIS_CLASS } from "./redis/redis-provider.js";
import type { ResourceClass } from "./resource-provider.js";
import { SERVERLESS_CLASS } from "./serverless/serverless-provider.js";
import { SQLX_CLASS } from "./sqlx/sqlx-provider.js";

/** Every resource class that a node can offer, by name. */
export const resourceCatalogue: readonly ResourceClass[] = [
  DDA_CLASS,
  FILE_LOG_CLASS,
  FILE_PUSHER_CLASS,
  HTTP_EGRESS_CLASS,
  HTTP_INGRESS_CLASS,
  HTTP_POSTER_CLASS,
  KAFKA_EGRESS_CLASS,
  OLLAMA_CLASS,
  REDIS_CLASS,
  SERVERLESS_CLASS,
  SQLX_CLASS,
];
