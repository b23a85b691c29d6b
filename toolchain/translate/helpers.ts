import { functionText } from "./function-text.js";

/** Gives the name of another part of the text and notes that it is used. */
export type NameOf = (part: Part) => string;

/**
 * What the text asks of the host, the one function that it is given, as first argument (`embedded/translated-guest.ts`):
 * to end it with a trap, for more turns, to take note of another memory, or, from `imports` on, a function of the guest ABI.
 */
export const HostRequest = {
  unreachable: 0,
  memory: 1,
  division: 2,
  conversion: 3,
  indirectCall: 4,
  depth: 5,
  turns: 6,
  newMemory: 7,
  imports: 8,
} as const;

/** Why a translated function is ended. */
export type TrapReason = Exclude<keyof typeof HostRequest, "turns" | "newMemory" | "imports">;

/** Ends the function; an expression. */
export function trap(name: NameOf, reason: TrapReason): string {
  return `${name("host")}(${HostRequest[reason]})`;
}

/** Where the page ends whose last words are kept apart from a smaller memory. */
type End = number | undefined;

/** Variables of the text; the initial value of each. `limit` is the bytes of the memory. */
const VARIABLES = {
  memory: (name: NameOf) => `new Uint8Array(new ArrayBuffer(${name("limit")}))`,
  halves: (name: NameOf) => `new Uint16Array(${name("memory")}.buffer)`,
  words: (name: NameOf) => `new Int32Array(${name("memory")}.buffer)`,
  /** The upper half of the i64 that a function has just returned. */
  high: () => "0",
  fuel: () => "0",
  depth: () => "0",
  cells: () => "new Int32Array(2)",
  double: (name: NameOf) => `new Float64Array(${name("cells")}.buffer)`,
  single: () => "new Float32Array(1)",
  singleBits: (name: NameOf) => `new Int32Array(${name("single")}.buffer)`,
  quotientHigh: () => "0",
  remainderLow: () => "0",
  remainderHigh: () => "0",
  saved: () => "[]",
  /** Words at the end of the page, by address. */
  ends: () => "[]",
} as const;

/** The limit of the memory, less some bytes. */
function less(name: NameOf, bytes: number): string {
  const limit = name("limit");
  return /^\d+$/.test(limit) ? String(Number(limit) - bytes) : `${limit}-${bytes}`;
}

/** The byte at an address. */
function byteAt(name: NameOf, address: string): string {
  return `${name("memory")}[${address}]??${trap(name, "memory")}`;
}

/** The word at any address. */
function slowWord(name: NameOf): string {
  const memory = name("memory");
  return `(${byteAt(name, "p")})|${memory}[p+1]<<8|${memory}[p+2]<<16|(${byteAt(name, "p+3")})<<24`;
}

/** Stores a number at any address, byte by byte; `more`: how many bytes follow the first one. */
function slowBytes(name: NameOf, more: 1 | 3): string {
  const memory = name("memory");
  const first = `${memory}[p>=0&&p<${less(name, more)}?p:${trap(name, "memory")}]=v;${memory}[p+1]=v>>8`;
  return more === 1 ? first : `${first};${memory}[p+2]=v>>16;${memory}[p+3]=v>>24`;
}

/** Functions of the text: parameters and body. What is in them runs on the board: exact, without what its interpreter lacks. */
const FUNCTIONS = {
  refuel: (name: NameOf) => `(){return ${name("fuel")}=${name("host")}(${HostRequest.turns})}`,
  restore: (name: NameOf) => `(){return ${name("saved")}.pop()}`,
  restoreWide: (name: NameOf) => `(){${name("high")}=${name("saved")}.pop();return ${name("saved")}.pop()}`,

  load8: (name: NameOf) => `(p){return ${byteAt(name, "p")}}`,
  load16: (name: NameOf) =>
    `(p){return p&1?(${byteAt(name, "p")})|(${byteAt(name, "p+1")})<<8:${name("halves")}[p/2]??${trap(name, "memory")}}`,
  load32: (name: NameOf, end: End) =>
    end === undefined
      ? `(p){return p&3?${slowWord(name)}:${name("words")}[p/4]??${trap(name, "memory")}}`
      : `(p){return p&3?${name("loadSlow")}(p):${name("words")}[p/4]??${name("loadSlow")}(p)}`,
  /** At an odd address, or behind the end of a memory where something is: apart, because the interpreter reads over text that it does not run. */
  loadSlow: (name: NameOf, end: End = 0) =>
    `(p){return p<${end - 16}||p>${end - 4}?${slowWord(name)}:${name("ends")}[p]||0}`,
  load64: (name: NameOf) => `(p){var a=${name("load32")}(p);${name("high")}=${name("load32")}(p+4);return a}`,
  loadSingle: (name: NameOf) => `(p){return ${name("bitsToSingle")}(${name("load32")}(p))}`,
  loadDouble: (name: NameOf) =>
    `(p){return ${name("bitsToDouble")}(${name("load32")}(p),${name("load32")}(p+4))}`,
  store8: (name: NameOf) => `(p,v){${name("memory")}[p>=0&&p<${name("limit")}?p:${trap(name, "memory")}]=v}`,
  store16: (name: NameOf) =>
    `(p,v){if(p&1){${slowBytes(name, 1)}}else ${name("halves")}[p>=0&&p<${name("limit")}?p/2:${trap(name, "memory")}]=v}`,
  store32: (name: NameOf, end: End) =>
    end === undefined
      ? `(p,v){if(p&3){${slowBytes(name, 3)}}else ${name("words")}[p>=0&&p<${name("limit")}?p/4:${trap(name, "memory")}]=v}`
      : `(p,v){p&3||p<0||p>=${name("limit")}?${name("storeSlow")}(p,v):${name("words")}[p/4]=v}`,
  /** As {@link FUNCTIONS.loadSlow}. */
  storeSlow: (name: NameOf, end: End = 0) =>
    `(p,v){if(p>${end - 17}&&p<${end - 3})${name("ends")}[p]=v;else{${slowBytes(name, 3)}}}`,
  store64: (name: NameOf) =>
    `(p,v,w){if(p>${name("limit")}-8)${trap(name, "memory")};${name("store32")}(p,v);${name("store32")}(p+4,w)}`,
  storeSingle: (name: NameOf) => `(p,v){${name("store32")}(p,${name("singleToBits")}(v))}`,
  storeDouble: (name: NameOf) =>
    `(p,v){v=${name("doubleToBits")}(v);${name("store64")}(p,v,${name("high")})}`,
  fill: (name: NameOf) =>
    `(p,v,n){if(p+n>${name("limit")})${trap(name, "memory")};if(n)${name("memory")}.subarray(p,p+n).fill(v&255)}`,
  copy: (name: NameOf) =>
    `(p,s,n){var m=${name("memory")};if(p+n>${name("limit")}||s+n>${name("limit")})${trap(name, "memory")};if(n)m.set(p<s||p>=s+n?m.subarray(s,s+n):m.slice(s,s+n),p)}`,

  multiply: () => "(a,b){return(a&65535)*b+((a>>>16)*b<<16)|0}",
  divide: (name: NameOf) => `(a,b){if(!b||a==-2147483648&&b==-1)${trap(name, "division")};return a/b|0}`,
  remainder: (name: NameOf) => `(a,b){if(!b)${trap(name, "division")};return a%b|0}`,
  divideUnsigned: (name: NameOf) => `(a,b){if(!b)${trap(name, "division")};return a/b>>>0}`,
  remainderUnsigned: (name: NameOf) => `(a,b){if(!b)${trap(name, "division")};return a%b}`,
  rotate: () => "(a,b){return a<<b|a>>>1>>>(31-b)}",
  leadingZeros: () =>
    "(x){var n=1;if(!x)return 32;if(!(x>>>16)){n+=16;x<<=16}if(!(x>>>24)){n+=8;x<<=8}if(!(x>>>28)){n+=4;x<<=4}if(!(x>>>30)){n+=2;x<<=2}return n-(x>>>31)}",
  trailingZeros: (name: NameOf) => `(x){return x?31-${name("leadingZeros")}(x&-x):32}`,
  ones: () =>
    "(x){x=x-(x>>>1&1431655765)|0;x=(x&858993459)+(x>>>2&858993459)|0;return(x+(x>>>4)&252645135)*16843009>>>24&63}",

  addWide: (name: NameOf) =>
    `(a,b,c,d){a=(a>>>0)+(c>>>0);${name("high")}=b+d+(a>4294967295?1:0)|0;return a|0}`,
  subtractWide: (name: NameOf) => `(a,b,c,d){${name("high")}=b-d-(a>>>0<c>>>0?1:0)|0;return a-c|0}`,
  multiplyWide: (name: NameOf) =>
    `(a,b,c,d){var e=a&65535,f=a>>>16,g=c&65535,h=c>>>16,i=e*g,j=f*g+(i>>>16),k=e*h+(j&65535);${name("high")}=f*h+(j>>>16)+(k>>>16)+${name("multiply")}(a,d)+${name("multiply")}(b,c)|0;return k<<16|i&65535}`,
  lessWide: () => "(a,b,c,d){return b<d||b==d&&a>>>0<c>>>0?1:0}",
  lessWideUnsigned: () => "(a,b,c,d){return b>>>0<d>>>0||b==d&&a>>>0<c>>>0?1:0}",
  shiftLeftWide: (name: NameOf) =>
    `(a,b,n){n&=63;if(n>31){${name("high")}=a<<n-32;return 0}${name("high")}=n?b<<n|a>>>32-n:b;return a<<n}`,
  shiftRightWide: (name: NameOf) =>
    `(a,b,n){n&=63;${name("high")}=n>31?b>>31:b>>n;return n>31?b>>n-32:n?a>>>n|b<<32-n:a}`,
  shiftRightWideUnsigned: (name: NameOf) =>
    `(a,b,n){n&=63;${name("high")}=n>31?0:b>>>n|0;return n>31?b>>>n-32|0:n?a>>>n|b<<32-n:a}`,
  rotateWide: (name: NameOf) =>
    `(a,b,n){var t;n&=63;if(n>31){t=a;a=b;b=t;n-=32}${name("high")}=n?b<<n|a>>>32-n:b;return n?a<<n|b>>>32-n:a}`,
  leadingZerosWide: (name: NameOf) =>
    `(a,b){return b?${name("leadingZeros")}(b):32+${name("leadingZeros")}(a)}`,
  trailingZerosWide: (name: NameOf) =>
    `(a,b){return a?${name("trailingZeros")}(a):32+${name("trailingZeros")}(b)}`,
  onesWide: (name: NameOf) => `(a,b){return ${name("ones")}(a)+${name("ones")}(b)}`,
  /** Unsigned quotient in `high` and the result, remainder in its two variables. */
  divideBoth: (name: NameOf) => {
    const [high, low, up] = [name("quotientHigh"), name("remainderLow"), name("remainderHigh")];
    return (
      `(a,b,c,d){var q,r,s,t;if(!d){if(!c)${trap(name, "division")};c=c>>>0;b=b>>>0;s=Math.floor(b/c);r=b-s*c;` +
      `r=r*65536+(a>>>16);q=Math.floor(r/c);r=r-q*c;r=r*65536+(a&65535);t=Math.floor(r/c);` +
      `${low}=r-t*c|0;${up}=0;${high}=s|0;return q*65536+t|0}` +
      `q=Math.floor(((b>>>0)*4294967296+(a>>>0))/((d>>>0)*4294967296+(c>>>0)));if(q)q=q-1;` +
      `s=${name("multiplyWide")}(q|0,0,c,d);r=${name("subtractWide")}(a,b,s,${name("high")});t=${name("high")};` +
      `while(!${name("lessWideUnsigned")}(r,t,c,d)){r=${name("subtractWide")}(r,t,c,d);t=${name("high")};q=q+1}` +
      `${low}=r;${up}=t;${high}=0;return q|0}`
    );
  },
  divideWideUnsigned: (name: NameOf) =>
    `(a,b,c,d){a=${name("divideBoth")}(a,b,c,d);${name("high")}=${name("quotientHigh")};return a}`,
  remainderWideUnsigned: (name: NameOf) =>
    `(a,b,c,d){${name("divideBoth")}(a,b,c,d);${name("high")}=${name("remainderHigh")};return ${name("remainderLow")}}`,
  negateWide: (name: NameOf) => `(a,b){${name("high")}=~b+(a?0:1)|0;return-a|0}`,
  magnitude: (name: NameOf) => `(a,b){if(b<0)return ${name("negateWide")}(a,b);${name("high")}=b;return a}`,
  divideWide: (name: NameOf) =>
    `(a,b,c,d){var n=b<0,m=d<0;if(!a&&b==-2147483648&&c==-1&&d==-1)${trap(name, "division")};` +
    `a=${name("magnitude")}(a,b);b=${name("high")};c=${name("magnitude")}(c,d);d=${name("high")};` +
    `a=${name("divideWideUnsigned")}(a,b,c,d);return n!=m?${name("negateWide")}(a,${name("high")}):a}`,
  remainderWide: (name: NameOf) =>
    `(a,b,c,d){var n=b<0;a=${name("magnitude")}(a,b);b=${name("high")};c=${name("magnitude")}(c,d);d=${name("high")};` +
    `a=${name("remainderWideUnsigned")}(a,b,c,d);return n?${name("negateWide")}(a,${name("high")}):a}`,

  round: (name: NameOf) => `(x){${name("single")}[0]=x;return ${name("single")}[0]}`,
  absolute: () => "(x){return x<0?-1.0*x:x==0?0.0:x}",
  truncate: () => "(x){return x<0?Math.ceil(x):Math.floor(x)}",
  nearest: () =>
    "(x){var r,d;if(!(x>-4503599627370496&&x<4503599627370496)||x==0)return x;r=Math.floor(x);d=2*(x-r);if(d>1||d==1&&r%2!=0)r=r+1;return r==0?x*0.0:r}",
  /**
   * The square root rounded as IEEE 754 says; `Math.sqrt` of the interpreter is only near it. One step of Newton's method between 1 and 4,
   * then the exact rest (the square of y taken apart, as Dekker did) tells which of three neighbours is nearest.
   */
  squareRoot: () =>
    "(x){var s=1.0,y,h,r;if(!(x>0&&x<1/0))return x==0||x>0?x:Math.sqrt(x);" +
    "while(x>=4294967296){x=x/4294967296;s=s*65536}while(x*4294967296<4){x=x*4294967296;s=s/65536}" +
    "while(x>=4){x=x/4;s=s*2}while(x<1){x=x*4;s=s/2}" +
    "y=Math.sqrt(x);y=(y+x/y)/2;h=y*134217729;h=h-(h-y);r=y-h;r=x-h*h-2*h*r-r*r;h=y/4503599627370496;" +
    "return(r>h?y+1/4503599627370496:r<=-1*h?y-1/4503599627370496:y)*s}",
  least: () => "(a,b){return a!=a||b!=b?a+b:a<b?a:b<a?b:1/a<0?a:b}",
  greatest: () => "(a,b){return a!=a||b!=b?a+b:a>b?a:b>a?b:1/a<0?b:a}",
  isNegative: (name: NameOf) => `(x){${name("double")}[0]=x;return ${name("cells")}[1]<0}`,
  copySign: (name: NameOf) => `(a,b){a=${name("absolute")}(a);return ${name("isNegative")}(b)?-1.0*a:a}`,
  singleToBits: (name: NameOf) => `(x){${name("single")}[0]=x;return ${name("singleBits")}[0]}`,
  bitsToSingle: (name: NameOf) => `(x){${name("singleBits")}[0]=x;return ${name("single")}[0]}`,
  doubleToBits: (name: NameOf) =>
    `(x){${name("double")}[0]=x;${name("high")}=${name("cells")}[1];return ${name("cells")}[0]}`,
  bitsToDouble: (name: NameOf) =>
    `(a,b){${name("cells")}[0]=a;${name("cells")}[1]=b;return ${name("double")}[0]}`,
  toInteger: (name: NameOf) => `(x){return x>-2147483649&&x<2147483648?x|0:${trap(name, "conversion")}}`,
  toUnsigned: (name: NameOf) => `(x){return x>-1&&x<4294967296?x>>>0|0:${trap(name, "conversion")}}`,
  saturate: () => "(x){return x!=x?0:x<=-2147483648?-2147483648:x>=2147483647?2147483647:x|0}",
  saturateUnsigned: () => "(x){return x>=4294967295?-1:x>0?x>>>0|0:0}",
  /** The two halves of an integer given as a double. */
  split: (name: NameOf) =>
    `(x){x=${name("truncate")}(x);var h=Math.floor(x/4294967296);${name("high")}=h|0;return x-h*4294967296|0}`,
  toWide: (name: NameOf) =>
    `(x){return x>=-4294967296*2147483648&&x<4294967296*2147483648?${name("split")}(x):${trap(name, "conversion")}}`,
  toWideUnsigned: (name: NameOf) =>
    `(x){return x>-1&&x<4294967296*4294967296?${name("split")}(x):${trap(name, "conversion")}}`,
  saturateWide: (name: NameOf) =>
    `(x){if(x!=x)x=0.0;if(x>=4294967296*2147483648){${name("high")}=2147483647;return-1}if(x<-4294967296*2147483648){${name("high")}=-2147483648;return 0}return ${name("split")}(x)}`,
  saturateWideUnsigned: (name: NameOf) =>
    `(x){if(x>=4294967296*4294967296)return ${name("high")}=-1;return ${name("split")}(x>0?x:0.0)}`,
  /** The 64-bit integer as one that is a double and rounds to the same single: what is lost is kept as one bit. */
  wideToSingle: (name: NameOf) =>
    `(a,b){if(b>2097151||b<-2097152)a=a&-4096|(a&4095?2048:0);return ${name("round")}(b*4294967296+(a>>>0))}`,
} as const;

export type Variable = keyof typeof VARIABLES;
export type Helper = keyof typeof FUNCTIONS;
/** A part of the text that is there only when it is used; `host` is the parameter of the whole. */
export type Part = Variable | Helper | "limit" | "host";

/** Whether a part is a variable, in contrast to a function. */
export function isVariable(part: Part): part is Variable {
  return Object.hasOwn(VARIABLES, part);
}

/** The declaration of a part, as an element of a list of variables. `end`: see `MemoryPlan`. */
export function declaration(part: Variable | Helper, name: string, nameOf: NameOf, end: End): string {
  if (isVariable(part)) {
    return `${name}=${VARIABLES[part](nameOf)}`;
  }
  const [, parameters = "", body = ""] = /^\((.*?)\)\{(.*)\}$/s.exec(FUNCTIONS[part](nameOf, end)) ?? [];
  return functionText(name, parameters, body);
}
