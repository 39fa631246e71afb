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

NOT_PEOPLE = """\
academy administration ag agency android apache api app apps assistant association author authors bot bv cloud code
committee communications community company computer computing conference consortium consulting contributor
contributors copyright core corp corporation council data department design dev developer developers development
digital division docs documentation drupal editor education engine engineering enterprise enterprises entertainment
example factory file foo foundation framework free full games generated generator global gmbh google group holder
holders holdings inc incorporated index information initiative institute interactive international internet it lab
laboratories laboratory labs language library license limited linux llc llp ltd maintainer maintainers manager media
microsoft mit mozilla name national network networks online open organisation organization oy package partners
placeholder plugin plugins product products program project projects public python release research reserved review
rights sa sample school science sciences script security see service services social society software solution
solutions source specimen sponsors standard status studio studios support sys system systems team tech technologies
technology test text the theme this title toolkit tools undefined unicode union university unknown url use used user
users various version view web wordpress working your
"""
"""Words of names of organisations and of headings; a name that holds one is not taken for a person's. The last
names of surrogates are among them."""

NOBODY_NAMED = """\
ann-onymous bar-baz charlie-root company-name first-last first-name foo-bar full-name jane-q-public john-q-public
last-name my-name some-body some-one
"""
"""Made-up names, lower case, words joined by hyphens."""

SHARED_ACCOUNTS = """\
actions admin administrator airflow alice all all-users anaconda android ansible app appuser bar baz bin bob build
buildbot builder bundle circleci circleci-project-root cloud cloudshell-user code coder codespace codespaces conda
container crac data default default-user deploy desktop dev devcontainer developer django docker ec2-user example
factory flutter foo foobar frappe ftp fuzz gem gerrit git github gitlab gitlab-runner gitpod gradle groups guest
hadoop hello hello-world home http httpd hudson ircuser jane jdoe jenkins joe john johndoe jovyan jupyter kibana kodi
kubernetes lab lib linux linuxbrew list local localhost login me member member1 member2 mock mockbuild music my
my_user myself mysql myuser myusername name nginx nix nobody node nonroot nvidia ops oracle person pi planetlab play
postgres project projects public python rails redis root ros rstudio ruby runner runneradmin rust sample sandbox
scratch script server service share shared site some-user some_user somebody someone someuser spark src staff steam
student sudo svn sys system test test-user test_user tester testuser tmp tomcat tools travis u ubuntu unknown user
user1 user2 user_name username users usr vagrant var vcap vscode vsonline vsts web webapp webuser whoever work worker
workspace wsl www www-data xxx xxxx you your-name your-user your-username your_name your_user your_username yourname
youruser yourusername
"""
"""Accounts that many machines have, and what people write when they mean none; lower case."""

NO_ACCOUNTS = """\
a-z about account actions admin android api apple apps assets async attr await blog business careers channel class
collections company contact customer-stories dashboard deprecated docs download downloads enterprise events explore
features feed files gist gists google hashtag help home i import in index intent issues join latest legal link login
logout marketplace microsoft mobile new news notifications oauth orgs override param pricing privacy property
pull-requests pulls raw readme repo repos repository return returns rss search security see see-also session settings
share signin signup site sponsors staff stars staticmethod status statuses support terms throws topics trending type
user username users watching wiki your-org your-username yourname yourorg yourusername
"""
"""Pages of code hosts, and what stands after `@` in code; none is an account of a person."""
