import t from "tap";
import { RecentMap } from "../../platform/recent-map.js";

t.test(
  "given a full map, when another key comes, then the least recently used one makes room and is counted",
  async (t) => {
    const map = new RecentMap<string, number>(2);
    map.set("a", 1);
    map.set("b", 2);
    t.equal(map.get("a"), 1);
    map.set("c", 3);
    t.same([map.get("a"), map.get("b"), map.get("c")], [1, undefined, 3]);
    t.same([map.size, map.forgotten], [2, 1]);
    map.set("a", 4);
    t.same([map.get("a"), map.size, map.forgotten], [4, 2, 1], "a key that is there needs no room");
    map.set("d", 5);
    t.same([map.get("a"), map.get("c"), map.get("d")], [4, undefined, 5]);
  },
);
