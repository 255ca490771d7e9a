/**
 * Which ICE candidates of another participant a page takes: the other side may be hostile, and its candidates are addresses
 * that this browser sends checks to. Addresses of private networks are where a direct path in one office goes; this machine,
 * link-local addresses (metadata of clouds is there) and names but those of mDNS are not. Pure. RFC 8839, section 5.1.
 */
const MAX_CANDIDATES = 50;
const CANDIDATE = /^(?:a=)?candidate:\S{1,32} \d{1,5} (?:udp|tcp) \d{1,10} (\S{1,255}) (\d{1,5}) typ /i;
const MDNS = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.local$/i;
const IPV4 = /^(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/;
/** IPv6 that goes out of this machine, by its first bits: global, unique local. What holds an IPv4 address does not count. */
const IPV6 = /^(?:2(?!002:|001:0*:)[0-9a-f]{3}|3[0-9a-f]{3}|f[cd][0-9a-f]{2}):[0-9a-f:]*$/i;
const METADATA = /^(?:100\.100\.100\.200|168\.63\.129\.16|192\.0\.0\.\d+|fd00:ec2:.*)$/i;

/** The candidates that are taken from one participant, in all. */
export class Candidates {
  private left = MAX_CANDIDATES;

  /** Whether it is taken; "" ends them. */
  takes(candidate: string): boolean {
    if (candidate === "") return true;
    if (this.left <= 0 || !isUsable(candidate)) return false;
    this.left -= 1;
    return true;
  }

  /** A description without the candidates that are not taken. */
  without(sdp: string): string {
    return sdp
      .split(/\r?\n/)
      .filter((line) => !line.startsWith("a=candidate:") || this.takes(line))
      .join("\r\n");
  }
}

function isUsable(candidate: string): boolean {
  const [, address = "", port = "0"] = CANDIDATE.exec(candidate) ?? [];
  if (!isLikely(Number(port)) || METADATA.test(address)) return false;
  const [, first, second] = IPV4.exec(address) ?? [];
  if (first === undefined) return MDNS.test(address) || IPV6.test(address);
  const [a, b] = [Number(first), Number(second)];
  return a > 0 && a !== 127 && a < 224 && !(a === 169 && b === 254);
}

/** No service below 1024 is somebody's browser, but NATs and TURN servers may use the web's ports; 9 stands for active TCP. */
function isLikely(port: number): boolean {
  return port === 9 || port === 80 || port === 443 || (port >= 1_024 && port <= 65_535);
}
