"""Tables of the detectors, as words with white space between them."""

PUBLIC_RESOLVERS = """\
1.0.0.1 1.0.0.2 1.0.0.3 1.1.1.1 1.1.1.2 1.1.1.3 4.2.2.1 4.2.2.2 4.2.2.3 4.2.2.4 8.8.8.8 8.8.4.4 8.20.247.20
8.26.56.26 9.9.9.9 9.9.9.10 9.9.9.11 64.6.64.6 64.6.65.6 76.76.2.0 76.76.10.0 76.76.19.19 76.223.122.150
77.88.8.1 77.88.8.8 84.200.69.80 84.200.70.40 94.140.14.14 94.140.14.15 94.140.15.15 94.140.15.16
114.114.114.114 114.114.115.115 149.112.112.112 185.228.168.9 185.228.168.168 185.228.169.9 208.67.220.220
208.67.222.222 223.5.5.5 223.6.6.6 2001:4860:4860::8844 2001:4860:4860::8888 2606:4700:4700::1001
2606:4700:4700::1111 2620:119:35::35 2620:119:53::53 2620:fe::9 2620:fe::fe 2620:fe::11 2a02:6b8::feed:ff
2a02:6b8:0:1::feed:ff 2a10:50c0::ad1:ff 2a10:50c0::ad2:ff
"""
"""Name servers that anybody may ask; their addresses are settings, not people."""

PLACEHOLDER_ADDRESSES = """\
1.2.3.4 2.3.4.5 3.4.5.6 4.3.2.1 4.5.6.7 5.6.7.8 6.7.8.9 9.8.7.6 11.22.33.44 12.34.56.78 22.33.44.55
55.66.77.88 99.88.77.66 100.200.100.200 101.102.103.104 123.45.67.8 123.45.67.89 123.45.67.90
"""
"""Global addresses that people write when they mean none."""

ENDINGS = """\
academy aero agency app art asia bank berlin best bio biz blog build business cafe care cat center chat
church city cloud club codes coffee com community company consulting coop cool design dev digital direct
earth edu education email energy engineer engineering events expert family farm finance fit foundation fun
fund fyi games global gmbh gov group guru hamburg health help host house icu industries info ink institute
int international jobs koeln land law legal life link live lol london ltd management market marketing media
mil mobi moe museum name net network ngo ninja nyc one ong online org page paris partners photography plus
post press pro productions pub red rocks run sale school science services sexy shop show site social
software solutions space store studio support swiss systems team tech technology tel tips today tokyo tools
top town training travel university vip wang watch web website wien wiki win work works world wtf xyz zone
"""
"""Endings of more than two letters under which people have mail: a list, since `weights@self.bias` has the form
of an address. All endings of two letters count but `FILE_ENDINGS`."""

FILE_ENDINGS = """\
cs db go gz hs js kt lz mm pm rb sv ts vb xz
"""

RESERVED_ENDINGS = """\
example invalid lan local localdomain localhost test
"""
"""RFC 2606, RFC 6761 and RFC 6762, and what home networks use."""

NOBODY = """\
acme bar baz blah company corp domain domainname email-domain emaildomain example example1 example2 examples
fakedomain foo foobar foobaz host hostname mycompany mydomain myhost mysite noreply nowhere organization
otherdomain placeholder sample samplehost server site some-domain somecompany somedomain somehost someplace
somesite somewhere test testdomain testing tests the-domain xx xxx xxxx xyz your-domain yourcompany
yourdomain yourhost yourname yourorg yoursite
"""
"""Names of domains that people write when they mean nobody's."""

LOGINS = """\
anonymous aur cvs forgejo git gitea gitlab hg org-git ssh svn
"""
"""Accounts of version control services: `git@host:path` is no mailbox."""

LOCAL_PLACEHOLDERS = """\
user.name username xxx xxxx your-email your.email youremail yourname
"""
