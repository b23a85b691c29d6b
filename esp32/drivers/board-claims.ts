import { Claims } from "../../embedded/resources/claims.js";

/** What the resources of this board use at the moment. */
export const boardClaims = new Claims();
