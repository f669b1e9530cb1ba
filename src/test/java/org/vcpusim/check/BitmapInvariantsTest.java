package org.vcpusim.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Irqfds;
import org.vcpusim.kvm.LapicHints;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.RequestSet;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.RtcTracking;
import org.vcpusim.kvm.Rules;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/**
 * Traces by hand of two vCPUs and the redirection table, a word an event: its name, then what it is about.
 *
 * <p>An entry of the table is a letter, a vector and a destination: l49>0 is level-triggered, e49>0 edge-triggered; behind that r
 * is remote IRR, m masked, o lowest priority, g logical, n NMI. At the start pin 5 has l49>0, pin 6 l50>1, pin 7 e52>0 and pin 8 e51>0, so that vCPU
 * 0 has to handle 49 and 51; it is there with APICv, vCPU 1 has a local APIC and no VMCS yet.
 *
 * <pre>
 * split direct                 the IOAPIC is in user space; nobody waits for those who are told of the table
 * write:5/l49>1 set:5/l49>1    the guest writes the entry of pin 5; user space replaces the table
 * start:1 end                  the last write is told to one vCPU, has been told to all
 * ask:1 ask:S ask:L            vCPU 1 is asked to scan for it; SCAN, LOAD is asked of vCPU 0
 * route:l49>0 notify:7         the routes; pin 7 has an ack notifier
 * away:0 off:0 init:0 reset:0  vCPU 0's local APIC is disabled, disabled by software; its VMCS is initialised; INIT
 * apic:49                      user space replaces its local APIC's state by one with 49 in service; - is none
 * update:on update:off         APICv is active from now on, or not
 * see read scan:49+51+p50      a scan begins, is shown the table, handles 49 and 51 and found 50 pending
 * load:49+51 skip audit:49     49 and 51 are loaded; nothing is, without APICv; at the end 49 is found
 * halted asked:S               at the end the vCPU sleeps; with SCAN (S) or LOAD (L) pending
 * synic:60 l2:60 l1            vectors of the SynIC; L2 is entered, whose bitmap has 60; L1 is
 * enter in:INACTIVE exit       vCPU 0 enters the guest, with APICv active, or as said; leaves it by HLT; enter1: vCPU 1 enters
 * late:SL                      it enters with SCAN and LOAD requested
 * state:r49+s50+p51            the entry that follows finds IRR, ISR, PIR; o is ON, n SN
 * level:49 edge:49/1           vCPU 0, vCPU 1 accepts a message; least:49 one for the least busy
 * discard:49                   vCPU 0 does nothing about it
 * msi:49/1 hint:49/1 ipi:49/1  a device sends 49 to APIC 1, by a hint; vCPU 0 does; self:49, others:49, everybody:49 likewise
 * logical:0 clustered:1        vCPU 0's logical ID is 1, vCPU 1's would be 2; vCPU 1's local APIC is in x2APIC mode
 * inhibit:8 identity:7         the VM's inhibits become 8; vCPU 0's local APIC gets ID 7
 * sched:0 asleep:0 preempted:0 vCPU 0's thread gets a processor, loses it since it sleeps, since the host wants it
 * wakeup:0 notification:0      that vector is sent for vCPU 0
 * ack:5 low:5 resample:0       pin 5 is acknowledged; its resampler's line is lowered; resampler 0 is asked
 * post:50 again:50 on vtd:50   50 is posted by a CPU, and was posted already; ON is set; a device posts 50
 * sync:50 virt:49              50 is taken from PIR; the processor delivers 49
 * veoi:49 exit45:49 eoi:49     the EOI ends in the guest; leaves it; reaches KVM
 * forward:49 quiet:49 pend:49  the EOI goes to the IOAPIC; with its broadcast suppressed; is for user space
 * spiv:4607                    the spurious-interrupt vector register is written
 * line:5/1/1                   the sources of pin 5's line, and whether it is high; second: told as coalesced
 * high:32                      user space restores lines
 * serve:5 remote:5 clear:5     pin 5 interrupts; remote IRR is set; an EOI clears it
 * untaken:5 nowhere:5          remote IRR is set though nobody took the interrupt, though there is no destination
 * rtc:60                       vCPU 0 owes the RTC an EOI of 60
 * halted running               the audit finds vCPU 0 asleep, in its guest
 * </pre>
 *
 * <p>Behind @ is who does it, vCPU 0 if nobody is named: 1 vCPU 1, vm the VM, user user space.
 */
class BitmapInvariantsTest {
    /** What begins a trace whose beginning is missing. */
    private static final String CUT = "... ";

    private static final RequestSet.Flow SCAN = new RequestSet.Flow(VcpuRequest.SCAN_IOAPIC, 1, 0);

    @ParameterizedTest(name = "{0}: {3}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
        # id | trace                                                       | violated at, hazard | reason
        I1   | read scan:49+51 load:49+51 enter                            | ""     | what it handles
        I1   | read scan:49+51 load:49 enter                               | 3      | one is missing
        I1   | read scan:49+51 load:49+51+60 enter                         | 3      | one too many
        I1   | synic:60 read scan:49+51 load:49+51+60 enter                | ""     | the SynIC's is in
        I1   | synic:60 read scan:49+51 load:49+51 enter                   | 4      | the SynIC's is missing
        I1   | read scan:49+51 load:49+51 enter exit read scan:49 enter    | 7      | scanned and not loaded
        I1   | load:60 enter                                               | ""     | no scan yet
        I1   | read scan:49+51 load:49 init:0 enter                        | ""     | no scan since the VMCS was initialised
        I1   | read scan:49+51 load:49 in:INACTIVE                         | ""     | without APICv nobody reads it
        I1   | read scan:49+51 load:49 in:APIC_DISABLED                    | ""     | nor without a local APIC
        I1   | read scan:49+51 load:49 in:CONTROLS_DIFFER                  | 3      | the processor may read it
        I1   | read scan:49+51 l2:60 enter                                 | ""     | L2's is L1's
        I1   | read scan:49+51 l2:60 enter exit l1 enter                   | 6      | L1 is back, without a load
        I1   | read scan:49+51 l2:60 enter exit l1 load:49+51 enter        | ""     | L1 is back, with its load
        I1   | update:off read scan:49+51 skip update:on enter             | 5 O1   | nothing was loaded without APICv
        I1   | update:off read scan:49+51 skip update:on load:49 enter     | 6      | something was since
        I1   | read scan:49+51 load:49+51 audit:49 halted                  | 4      | not what it handles at the end
        I1   | read scan:49+51 load:49+51 audit:49+51 halted               | ""     | what it handles at the end
        I1   | read scan:49+51 load:49 audit:49 asked:S                    | ""     | it is asked to scan
        I1   | read scan:49+51 load:49 audit:49 asked:L                    | ""     | it is asked to load
        I1   | update:off read scan:49+51 skip audit:49 halted             | ""     | nobody reads it
        I2   | enter                                                       | ""     | nothing requested
        I2   | late:S                                                      | 0      | a scan is
        I2   | late:L                                                      | 0      | a load is
        I2   | late:E                                                      | ""     | something else is
        I2   | ask:S exit                                                  | ""     | not at an entry
        I3   | read scan:49+51                                             | ""     | what leads to it
        I3   | read scan:51                                                | 1      | a level pin is missing
        I3   | read scan:49                                                | 1      | the RTC is missing
        I3   | notify:7 read scan:49+51                                    | 2      | a pin with a notifier is missing
        I3   | notify:7 read scan:49+51+52                                 | ""     | it is not
        I3   | read scan:49+50+51+p50                                      | ""     | pending and leads elsewhere
        I3   | read scan:49+51+p50                                         | 1      | forgotten although it is pending
        I3   | post:50 see read scan:49+51+p50                             | ""     | posted, and not yet outstanding
        I3   | post:50 on see read scan:49+51+p50                          | 4      | it was outstanding when the scan began
        I3   | vtd:50 see read scan:49+51+p50                              | 3      | a device is done at once
        I3   | see post:50 on read scan:49+51+p50                          | ""     | posted behind the scan's back
        I3   | post:50 on sync:50 see read scan:49+51+p50                  | 5      | it is in IRR
        I3   | rtc:60 read scan:49+51                                      | 2      | what it owes the RTC
        I3   | rtc:60 read scan:49+51+60                                   | ""     | is in
        I3   | scan:51                                                     | ""     | what it read is not known
        I3   | read write:5/l60>0 scan:49+51                               | ""     | it was shown the table before
        I3   | read scan:49+51 write:5/l60>0 start:1 end enter             | 5      | everybody had been told
        I3   | read scan:49+51 write:5/l60>0 start:1 enter                 | ""     | not everybody had
        I3   | read scan:49+51 write:5/l60>0 enter                         | ""     | nobody had
        I3   | read scan:49+51 write:5/l60>0 start:1 end read scan:51+60 enter | "" | it has scanned since
        I3   | read scan:49+51 write:5/l60>1 start:1 end enter             | ""     | it leads elsewhere
        I3   | read scan:49+51 write:5/l60>0 start:1 end away:0 enter      | ""     | it has no local APIC
        I3   | write:5/l60>0 start:1 end enter                             | ""     | it has never scanned
        I3   | "... read scan:51 write:5/l60>0 start:1 end enter"          | ""     | the table is not known
        I3   | split route:l60>0 start:1 end read scan:49                  | 5      | the routes count
        I3   | split route:l60>0 start:1 end read scan:60                  | ""     | and nothing else does
        I3   | split route:e60>0 start:1 end read scan:49                  | ""     | an edge needs no EOI
        I3   | split read scan:49 write:5/l60>0@user enter                 | ""     | user space has not published it
        I3   | read scan:49+51 write:5/l60>0 halted                        | 3      | it asks nobody to scan, and is there at the end
        I3   | read scan:49+51 write:5/l60>0 asked:S                       | ""     | it asks for a scan
        I3   | read scan:49+51 write:5/l60>0 asked:L                       | 3      | it asks for a load
        I3   | read scan:49+51 write:5/l60>0 away:0 halted                 | ""     | nobody can scan
        I3   | read scan:49+51 halted                                      | ""     | right at the end
        I4   | read scan:49+51                                             | ""     | pins that want their EOIs
        I4   | read scan:49+51+52                                          | 1      | an edge
        I4   | notify:7 read scan:49+51+52                                 | ""     | an edge with a notifier
        I4   | read scan:49+51+60                                          | 1      | of no pin
        I4   | rtc:60 read scan:49+51+60                                   | ""     | owed to the RTC
        I4   | read write:5/l60>0 scan:49+51                               | ""     | an old entry, which it was shown
        I4   | write:5/l60>0 read scan:49+51                               | 2      | an old entry, and it was shown the new one
        I4   | split route:e60>0 read scan:60                              | 3      | a route of an edge
        I4   | split route:l60>1 read scan:60                              | ""     | a route of a level
        I4   | scan:60                                                     | ""     | what it read is not known
        I5   | read scan:49+50+51+p50                                      | ""     | pending
        I5   | read scan:49+50+51                                          | 1      | not pending, and leads elsewhere
        I5   | rtc:50 read scan:49+50+51                                   | ""     | owed to the RTC
        I5   | read scan:49+50+51+p50 eoi:50 enter                         | 3      | ended, and kept
        I5   | read scan:49+50+51+p50 eoi:50 read scan:49+51 enter         | ""     | ended, and scanned
        I5   | read scan:49+50+51+p50 eoi:49 enter                         | ""     | another one ended
        I5   | read scan:49+50+51+p50 eoi:50 away:0 enter                  | ""     | it cannot scan without a local APIC
        I5   | write:9/l53>1 read scan:49+50+51+53+p50+p53 eoi:50 enter    | ""     | the lower of two, hazard O6
        I5   | write:9/l53>1 read scan:49+50+51+53+p50+p53 eoi:53 enter    | 4      | the higher of two
        I5   | read scan:49+51 write:5/l49>1 start:2 end enter             | 5      | it was a target, and keeps the old vector
        I5   | read scan:49+51 write:5/l49>1 start:2 enter                 | ""     | not everybody is told
        I5   | read scan:49+51 write:5/l49>1 start:2 end state:r49 enter   | ""     | the old vector is requested
        I5   | read scan:49+51 write:5/l49>1 start:2 end state:s49 enter   | ""     | the old vector is in service
        I5   | read scan:49+51 write:5/l49>1 start:2 end read scan:51 enter | ""    | it has scanned
        I5   | read scan:49+50+51+p50 write:6/l60>1 start:1 end enter      | ""     | it was no target
        I6   | remote:5                                                    | ""     | a level
        I6   | remote:7                                                    | 0      | an edge
        I6   | remote:5 remote:5                                           | 1      | twice
        I6   | remote:5 clear:5 remote:5                                   | ""     | an EOI in between
        I6   | remote:5 write:5/l60>0r                                     | ""     | a write leaves it
        I6   | remote:5 write:5/l60>0                                      | 1      | a write clears it
        I6   | write:5/l60>0r                                              | 0      | a write sets it
        I6   | remote:5 write:5/e60>0                                      | ""     | an edge has none
        I6   | remote:5 write:5/e60>0r                                     | 1      | an edge has it
        I6   | remote:5 write:5/e60>0 write:5/l60>0r                       | 2      | it comes back
        I6   | serve:5 remote:5 clear:5 serve:5                            | ""     | one after the other
        I6   | serve:5 remote:5 serve:5                                    | 2      | before the EOI
        I6   | serve:7 serve:7                                             | ""     | an edge does not wait
        I6   | write:5/l49>0m serve:5                                      | 1      | masked
        I6   | set:5/l49>0r serve:5                                        | 1      | restored so
        I6   | set:5/l49>0r remote:5                                       | 1      | restored so
        I6   | set:7/e52>0r                                                | ""     | what is restored may be anything
        I7   | post:49 remote:5                                            | ""     | posted
        I7   | remote:5                                                    | 0      | nobody has it
        I7   | post:49 remote:5 sync:49 virt:49                            | ""     | in service
        I7   | post:49 remote:5 sync:49 virt:49 veoi:49                    | 4      | the EOI ended in the guest
        I7   | post:49 remote:5 sync:49 virt:49 clear:5 veoi:49            | ""     | it does not wait
        I7   | post:49 remote:5 sync:49 virt:49 exit45:49                  | ""     | the vCPU is busy with the EOI
        I7   | post:49 remote:5 sync:49 virt:49 exit45:49 eoi:49           | ""     | and while the ack notifiers run
        I7   | post:49 remote:5 sync:49 virt:49 exit45:49 eoi:49 pend:49   | ""     | and while user space has it
        I7   | post:49 remote:5 sync:49 virt:49 exit45:49 eoi:49 enter     | 6      | the vCPU has forgotten it
        I7   | post:49 remote:5 sync:49 virt:49 exit45:49 eoi:49 clear:5 enter | "" | the IOAPIC has heard
        I7   | post:49 remote:5 sync:49 virt:49 exit45:60 enter            | 5      | the processor ends another
        I7   | post:49 remote:5 sync:49 virt:49 exit45:49 eoi:49 halted    | 6      | nobody has it at the end
        I7   | post:49 remote:5 halted                                     | ""     | it is posted at the end
        I7   | post:49 remote:5 sync:49 virt:49 veoi:49 halted             | 4      | it is told once
        I7   | nowhere:5                                                   | 0 O4   | there was no destination
        I7   | untaken:5                                                   | 0      | the destination did not take it
        I7   | post:49 remote:5 sync:49 virt:49 write:5/l60>0r start:1 end veoi:49 | 7 O3 | another vector by then
        I7   | post:49 remote:5 sync:49 virt:49 write:5/l49>1r veoi:49     | 5 O8   | the write is not told yet
        I7   | post:49 remote:5 sync:49 virt:49 write:5/l49>1r start:2 end veoi:49 | 7 | the write is told
        I7   | direct post:49 remote:5 sync:49 virt:49 write:5/l49>1r start:2 end veoi:49 | 8 O8 | it is told, and nobody waited
        I7   | update:off read scan:49+51 skip update:on post:49 remote:5 sync:49 virt:49 veoi:49 | 9 O1 | the bitmap is from before
        I7   | post:49 remote:5 sync:49 virt:49 exit45:49 eoi:49 edge:49 forward:49 enter | 8 O5 | it counts as an edge's
        I7   | level:49 post:49 remote:5 sync:49 virt:49 exit45:49 eoi:49 forward:49 enter | 8 | it counts as a level's
        I7   | post:49 remote:5 sync:49 virt:49 reset:0 enter              | ""     | INIT took it away
        I7   | serve:5 level:49 post:49 reset:0 remote:5 enter             | ""     | before remote IRR was set
        I7   | serve:5 level:49 reset:0 post:49 remote:5 sync:49 virt:49 exit45:49 eoi:49 forward:49 enter | "" | on its way to PIR
        I7   | post:49 remote:5 sync:49 virt:49 exit45:49 eoi:49 clear:5 post:49 remote:5 reset:0 enter | "" | after the EOI of another one
        I7   | serve:5 reset:0 level:49 post:49 remote:5 sync:49 virt:49 veoi:49 | 7 | it came after INIT
        I7   | post:49 remote:5 clear:5 reset:0 post:49 remote:5 sync:49 virt:49 veoi:49 | 8 | another one came after INIT
        I7   | post:49 remote:5 sync:49 virt:49 apic:- enter               | ""     | user space took it away
        I7   | post:49 remote:5 sync:49 virt:49 apic:49 state:s49 enter veoi:49 | 7  | it did not
        I7   | split msi:49 level:49 post:49 reset:0 remote:5@user enter   | ""     | before user space's was set
        I7   | post:49 remote:5 sync:49 virt:49 set:5/l49>0r veoi:49       | ""     | user space restored it
        I7   | write:5/n49>0 remote:5                                      | ""     | an NMI has no EOI
        I7   | split remote:5@user                                         | 1      | user space's waits too
        I7   | split spiv:4607 post:49 remote:5@user sync:49 virt:49 veoi:49 | ""   | the guest may end it itself
        I7   | quietapic post:49 remote:5 sync:49 virt:49 veoi:49          | ""     | it came with the broadcast suppressed
        I7   | quietapic post:49 remote:5 sync:49 virt:49 veoi:49 spiv:511 enter | "" | that of an earlier EOI was
        I7   | clustered:1 quietapic:1 post:49 remote:5 sync:49 virt:49 veoi:49 | 6     | that of another vCPU was
        I7   | quietapic spiv:511 post:49 remote:5 sync:49 virt:49 veoi:49 | 6      | that of a later one is not
        I7   | spiv:4607 post:49 remote:5 sync:49 virt:49 veoi:49          | 5      | a guest cannot suppress it in the kernel
        I7   | split spivmsr:4607 post:49 remote:5@user sync:49 virt:49 veoi:49 | "" | an x2APIC may end it itself
        I7   | "... remote:5"                                              | ""     | who has it is not known
        I8   | line:5/1/1 line:5/0/0                                       | ""     | as its source
        I8   | line:5/1/0                                                  | 0      | low with a source
        I8   | line:5/1/1 line:5/0/1                                       | 1      | high without
        I8   | line:5/3/1 line:5/2/1                                       | ""     | one of two remains
        I8   | line:5/2/0                                                  | 0      | which counts
        I8   | line:5/1/1 line:5/3/1 line:5/2/1 line:5/0/0                 | ""     | one after the other
        I8   | line:5/3/1 line:5/0/0                                       | 1      | both at once
        I8   | line:7/3/1 line:7/0/0                                       | 1      | also of an edge pin
        I8   | line:5/3/1 line:7/0/1                                       | ""     | of another pin
        I8   | line:7/0/1                                                  | ""     | an edge has risen
        I8   | line:7/1/1 line:7/1/1                                       | 1      | a second rise is not told as one
        I8   | line:7/1/1 second:7/1/1                                     | ""     | it is
        I8   | line:7/1/1 line:7/0/0 line:7/1/1                            | ""     | it has fallen in between
        I8   | line:7/1/1 line:7/0/0 second:7/1/1                          | ""     | nobody may have taken it
        I8   | line:5/1/1 line:5/3/1                                       | ""     | a level pin waits for its EOI
        I8   | second:5/0/0                                                | 0      | a fall
        I8   | line:5/0/1@user                                             | 0      | nothing was restored
        I8   | set:5/l49>0 line:5/0/1                                      | ""     | a restored line has no source
        I8   | set:5/l49>0 line:5/1/0                                      | 1      | a source counts all the same
        I8   | write:8/l51>0 line:8/1/0                                    | ""     | a tick that coalesces
        E1   | read scan:49+51 level:49 remote:5 eoi:49 forward:49 clear:5 enter | "" | ended
        E1   | read scan:49+51 level:49 remote:5 eoi:49 forward:49 enter   | 6      | it still waits
        E1   | read scan:49+51 level:49 remote:5 eoi:49 clear:5 enter      | 6      | the IOAPIC was not told
        E1   | read scan:49+51 level:49 remote:5 eoi:50 enter              | ""     | of a vector that it does not handle
        E1   | level:49 remote:5 eoi:49 enter                              | ""     | it has never scanned
        E1   | write:9/l49>0 read scan:49+51 level:49 remote:5 remote:9 eoi:49 forward:49 clear:5 enter | 9 | a second pin has the vector
        E1   | write:9/l49>0 read scan:49+51 level:49 remote:5 remote:9 eoi:49 forward:49 clear:5 clear:9 enter | "" | both are ended
        E1   | write:9/l49>1 read scan:49+51 level:49 remote:9 eoi:49 forward:49 enter | 7 | though its pin leads elsewhere by now
        E1   | read scan:49+51 level:49 remote:5 eoi:49 quiet:49 enter     | ""     | suppressed
        E1   | read scan:49+51 level:49 reset:0 post:49 remote:5 eoi:49 forward:49 enter | "" | INIT has cleared TMR
        E1   | read scan:49+51 edge:49 remote:5 eoi:49 forward:49 enter    | ""     | the last message was an edge, hazard O5
        E1   | read scan:49+51 level:49 remote:5 eoi:49 forward:49 write:5/e49>0 enter | "" | a write came first
        E1   | read scan:49+51 level:49 remote:5 eoi:49 forward:49         | ""     | under way at the end
        E1   | read scan:49+51 eoi:-1 enter                                | ""     | nothing was in service
        E1   | split route:l49>0 read scan:49 eoi:49 enter                 | ""     | no kernel's IOAPIC hears of it
        E2   | load:49 exit45:49                                           | ""     | its bit is set
        E2   | load:49 exit45:50                                           | 1      | its bit is clear
        E2   | load:49 veoi:50                                             | ""     | its bit is clear
        E2   | load:49 veoi:49                                             | 1      | its bit is set
        E2   | exit45:49                                                   | 0      | nothing was ever loaded
        E2   | load:49 l2:60 exit45:60                                     | ""     | L2 has its own
        E2   | load:49 l2:60 exit45:49                                     | 2      | and not L1's
        E2   | load:49 l2:60 veoi:60                                       | 2      | nor does it ignore its own
        E2   | load:49 l2:60 l1 veoi:49                                    | 3      | L1 is back
        E2   | load:49 l2:60 load:60 l1 exit45:49                          | ""     | a load in L2 is not L1's
        E2   | "... exit45:49"                                             | ""     | what was loaded is not known
        M1   | write:5/l60>0 start:1                                       | ""     | the only target
        M1   | write:5/l60>0 start:2                                       | 1      | one more
        M1   | write:5/l49>1 start:2                                       | ""     | the old and the new one
        M1   | write:5/o60>0 start:2                                       | ""     | all are asked unless it is fixed
        M1   | write:5/l60>0 start:0                                       | ""     | too few is for other rules
        M1   | write:5/l60>0 start:1 ask:0                                 | ""     | the target is asked
        M1   | write:5/l60>0 start:1 ask:1                                 | 2      | who is no target is asked
        M1   | write:5/l49>1 start:2 ask:0 ask:1                           | ""     | both are
        M1   | write:5/l60>0 ask:1                                         | ""     | for something else, before it starts
        M1   | write:5/l60>0 start:1 end ask:1                             | ""     | for something else, after its end
        M1   | write:5/l60>0 start:1 more ask:1                            | ""     | it may be for the other broadcast
        M1   | direct write:5/l60>0 start:2                                | ""     | this protocol asks everybody
        M1   | "... write:5/l60>0 start:9"                                 | ""     | who there is is not known
        C1   | read scan:49+51 load:49+51 update:on l2:60                  | ""     | its own
        C1   | scan:49@1                                                   | 0      | what another handles
        C1   | load:49@vm                                                  | 0      | a VMCS that is not current
        C1   | l2:60@1                                                     | 0      | nor is its vmcs02
        C1   | update:on@vm                                                | 0      | nor are its controls
        C1   | enter load:49                                               | 1      | while the guest runs
        C1   | enter exit load:49                                          | ""     | after it has left
        C1   | enter scan:49                                               | 1      | while the guest runs
        C1   | away:0 scan:49                                              | 1      | without a local APIC
        C1   | off:0 scan:49                                               | ""     | disabled by software it is there
        L1   | line:5/1/1 halted                                           | 1      | asserted, and silent
        L1   | line:5/1/1 halted running                                   | 1      | it is told once
        L1   | line:5/1/1                                                  | ""     | not at the end yet
        L1   | line:5/1/1 remote:5 halted                                  | ""     | it waits for its EOI
        L1   | line:5/1/1 remote:5 clear:5 halted                          | 3      | not again after the EOI
        L1   | line:5/1/1 line:5/0/0 halted                                | ""     | low again
        L1   | line:7/1/1 halted                                           | ""     | an edge
        L1   | line:5/1/1 write:5/l49>0m halted                            | ""     | masked
        L1   | write:5/l49>0m line:5/1/1 write:5/l49>0 halted              | 3      | unmasked
        L1   | notify:5 write:5/l49>0m line:5/1/1 write:5/l49>0 halted     | ""     | the resampler has to raise it again
        L1   | notify:5 write:5/l49>0m line:5/1/1 write:5/l49>0 line:5/1/1 halted | 5 | which it did
        L1   | line:5/1/1 off:0 halted                                     | ""     | nobody would take it
        L1   | line:5/1/1 untaken:5 clear:5 halted                         | ""     | nobody took the last one
        L1   | serve:5 line:5/1/1 halted                                   | ""     | nobody took it, and there is no remote IRR
        L1   | serve:5 remote:5 line:5/1/1 clear:5 halted                  | 4      | one was taken
        L1   | line:5/1/1 write:5/n49>0 halted                             | ""     | an NMI is not a level
        L1   | line:5/1/1 write:5/l49>9 halted                             | ""     | it leads to nobody
        L1   | high:32 halted                                              | 1      | restored
        L1   | high:32 high:0 halted                                       | ""     | restored low
        L1   | "... line:5/1/1 halted"                                     | ""     | the table is not known
        L5   | ask:S skip enter                                            | ""     | nothing to load
        L5   | ask:L enter                                                 | ""     | no scan was asked for
        L5   | ask:S enter exit enter                                      | 1      | it is told once
        P2   | post:50 state:p50                                           | ""     | ON is not set yet
        P2   | post:50 on state:p50                                        | 2      | ON was cleared, and PIR was not taken
        P2   | post:50 on sync:50 post:50 state:p50                        | ""     | the next one is not set yet
        P2   | post:50 on again:50 state:p50                               | 3      | who finds the bit set does not set ON
        P2   | post:50 on state:p50+o                                      | ""     | ON is set
        P2   | post:50 on state:p50+n                                      | ""     | SN is
        P2   | post:50 on state:                                           | ""     | nothing is posted
        I6   | serve:5 level:49 remote:5 halted                            | ""     | taken, and it has remote IRR
        I6   | serve:5 level:49 halted                                     | 2      | taken, and it has not
        I6   | serve:5 level:49 serve:5                                    | 2      | it would come twice
        I6   | serve:5 level:49 discard:49 halted                          | ""     | nobody took it
        I3   | read scan:49+51 write:9/lg60>1 start:1 end off:0 enter halted | ""    | disabled by software it may not be asked
        I7   | post:49 remote:5 sync:49 virt:49 write:5/l50>0r start:1 end veoi:49 write:5/l49>0r | 7 O3 | its vector was another meanwhile
        I7   | clustered:1 write:5/lg49>1 start:1 end post:49 remote:5 sync:49 virt:49 veoi:49 | ""     | KVM's map has led it astray
        I7   | logical:0 write:5/lg49>1 start:1 end post:49 remote:5 sync:49 virt:49 veoi:49 | 8     | it was for this one
        I6   | serve:5 halted                                              | ""     | it reached nobody
        I6   | untaken:5                                                   | 0      | nobody took it
        I6   | nowhere:5                                                   | ""     | there is nobody, hazard O4
        I6   | split untaken:5                                             | ""     | user space does not look
        I6   | msilevel:49 serve:5 level:49 halted                         | ""     | an MSI brings the vector too
        I6   | serve:5 ipilevel:49 level:49 halted                         | ""     | a vCPU does
        I6   | msi:49/0 msilevel:50 serve:5 level:49 halted                | 4      | an edge, and another vector
        I6   | serve:7 edge:52 halted                                      | ""     | an edge has none
        I6   | split serve:5 level:49 halted                               | ""     | the IOAPIC is in user space
        I14  | halted                                                      | ""     | each has its own
        I14  | identity:7 inhibit:32 enter halted                          | ""     | another than its vCPU, and inhibited
        I14  | identity:7 enter halted                                     | 1      | another than its vCPU
        I14  | identity:1 inhibit:16 enter halted                          | ""     | two share one, and inhibited
        I14  | identity:1 enter halted                                     | 1      | two share one
        I14  | inhibit:32 halted running                                   | 1      | its own, and inhibited for it
        I14  | inhibit:8 halted                                            | ""     | inhibited for something else
        I14  | identity:7 inhibit:32 enter identity:0 inhibit:0 enter halted | ""     | its own again
        I14  | identity:7 inhibit:32 halted                                | ""     | under way at the end
        I14  | identity:7                                                  | ""     | under way
        I14  | "... identity:7 enter halted"                               | ""     | what inhibits is not known
        P8   | sched:0 asleep:0 wakeup:0                                   | ""     | it sleeps
        P8   | sched:0 wakeup:0                                            | 1      | it runs
        P8   | sched:0 preempted:0 wakeup:0                                | 2      | it waits, and does not sleep
        P8   | sched:0 asleep:0 sched:0 wakeup:0                           | 3      | it runs again
        P8   | sync:50 sched:0 asleep:0 wakeup:0                           | 3      | ON is clear
        P8   | sync:50 sched:0 post:50 asleep:0 wakeup:0                   | ""     | something was posted since
        P8   | sync:50 on sched:0 asleep:0 wakeup:0                        | ""     | ON was set behind it
        P8   | wakeup:0                                                    | ""     | what it does is not known
        P8   | sched:0 notification:0                                      | ""     | the notification vector
        I15  | notify:5 ack:5 low:5 resample:0 halted                      | ""     | lowered, and asked
        I15  | notify:5 ack:5 resample:0 halted                            | 3      | not lowered
        I15  | notify:5 ack:5 low:5 halted                                 | 3      | not asked
        I15  | notify:5 ack:5 ack:5 low:5 low:5 resample:0 resample:0 halted | ""   | by two vCPUs
        I15  | notify:5 ack:5 ack:5 ack:5                                  | 3      | oftener than there are vCPUs
        I15  | notify:5 ack:5 low:5 ack:5 low:5 resample:0 halted          | 6      | asked once of twice
        I15  | notify:5 ack:5 ack:5 low:5 low:5 resample:0 resample:0 halted | ""   | two vCPUs at once
        I15  | notify:5 ack:5 ack:5 low:5 resample:0 halted                | 5      | lowered once of twice
        I15  | notify:5 ack:5 low:6 resample:0 halted                      | 4      | another line was lowered
        I15  | ack:5 halted                                                | ""     | there is no resampler
        I15  | notify:2 ack:2 halted                                       | ""     | the PIT's
        I15  | notify:5 ack:5 notify:6 halted                              | ""     | the resampler is gone
        I15  | notify:5 ack:5                                              | ""     | under way
        P3   | vtd:81 state:p81+o                                          | 1      | nobody is told of what a device has posted
        P3   | off:0 vtd:81 state:p81+o                                    | ""     | disabled by software it takes nothing
        P3   | away:0 vtd:81 state:p81+o                                   | ""     | it has no local APIC
        X8   | serve:5 level:49 halted                                     | ""     | it reaches vCPU 0
        X8   | serve:5 halted running                                      | 1      | it reaches nobody
        X8   | serve:6 level:50                                            | 1      | it is for vCPU 1
        X8   | serve:6 level:50/1 halted                                   | ""     | it is for vCPU 1
        X8   | serve:5 level:49 level:49                                   | 2      | twice
        X8   | serve:5 serve:5 level:49 level:49 halted                    | ""     | two messages
        X8   | serve:5 edge:49 halted                                      | 2      | an edge of a level pin
        X8   | level:49                                                    | 0      | sent by nobody
        X8   | edge:49                                                     | ""     | perhaps by the host
        X8   | off:0 enter serve:5 halted                                  | ""     | disabled by software it need not be reached
        X8   | off:0 enter serve:5 level:49 halted                         | ""     | but may
        X8   | away:0 enter serve:5 level:49                               | 3      | it is away
        X8   | serve:5 away:0 halted                                       | ""     | it goes away meanwhile
        X8   | away:0 serve:5 level:49                                     | ""     | it has just gone
        X8   | write:5/l49>255 serve:5 level:49 level:49/1 halted          | ""     | everybody
        X8   | write:5/l49>255 serve:5 level:49 halted                     | 3      | everybody but vCPU 1
        X8   | write:5/o49>255 serve:5 level:49 level:49/1 halted          | ""     | the least busy of all is not looked for
        X8   | logical:0 logical:1 write:5/og48>3 enter enter1 serve:5 least:48   | ""     | the first of two
        X8   | logical:0 logical:1 write:5/og48>3 enter enter1 serve:5 least:48/1 | 6      | the second, by an even vector
        X8   | logical:0 logical:1 write:5/og49>3 enter enter1 serve:5 least:49/1 | ""     | the second, by an odd one
        X8   | logical:0 logical:1 write:5/og49>3 enter enter1 serve:5 least:49   | 6      | the first, by an odd one
        X8   | logical:0 logical:1 write:5/og49>7 enter enter1 serve:5 least:49/1 | ""     | the second of three
        X8   | logical:0 logical:1 write:5/og49>7 enter enter1 serve:5 least:49   | 6      | the second of three is another
        X8   | logical:0 logical:1 write:5/og50>7 enter enter1 serve:5 halted     | ""     | the third of three is nobody
        X8   | logical:0 logical:1 write:5/og50>7 enter enter1 serve:5 least:50   | 6      | the third of three is nobody
        X8   | logical:0 write:5/og49>3 enter serve:5 least:49/1                  | 4      | vCPU 1 has no logical ID
        X8   | logical:0 logical:1 write:5/og49>3 serve:5 halted                  | ""     | IDs are changing
        X8   | off:0 msi:49/0 msi:49/1 edge:49/1 off:0 msi:49/1 edge:49/1 halted | "" | what need not arrive takes nothing from what must
        X8   | split serve:5 halted                                        | ""     | user space sends a message for it
        X8   | msi:49/0 edge:49 halted                                     | ""     | a device's
        X8   | msi:49/0 halted                                             | 1      | a device's, lost
        X8   | msi:49/1 edge:49                                            | 1      | a device's, astray
        X8   | hint:49/255 edge:49/1 halted                                | ""     | a hint counts for a broadcast too
        X8   | hint:49/255 edge:49                                         | 1      | the vector chooses the other one
        X8   | hint:49/0 edge:49 halted                                    | ""     | one of one
        X8   | ipi:49/1 edge:49/1 halted                                   | ""     | a vCPU's
        X8   | ipi:49/1 edge:49                                            | 1      | a vCPU's, astray
        X8   | self:49 edge:49 halted                                      | ""     | to itself
        X8   | others:49 edge:49/1 halted                                  | ""     | to the other one
        X8   | others:49 edge:49                                           | 1      | to itself as well
        X8   | everybody:49 edge:49 edge:49/1 halted                       | ""     | to both
        X8   | everybody:49 edge:49/1 halted                               | 2      | to one of both
        X8   | oneofall:49 lowest:49/1 halted                              | ""     | one of all, whom the vector chooses
        X8   | oneofall:49 lowest:49                                       | 1      | one of all, and another
        X8   | synic:49 msi:49/1 edge:49                                   | ""     | its SynIC's
        X8   | msi:49/1 handled:49 edge:49 edge:49/1 halted                | ""     | the host's passes by a device's
        X8   | msi:49/1 handled:49/1 edge:49                               | 2      | it is the host's of another vCPU
        X8   | msi:49/1 handled:49 edge:49 edge:49                         | 3      | it comes once
        X8   | "... level:49"                                              | ""     | who there is is not known
        """)
    void aTraceBreaksTheInvariant(String id, String words, String violated, String reason) {
        assertEquals(violated, violations(Invariants.all(), id, words), reason);
    }

    private static String violations(Invariants invariants, String id, String words) {
        new Trace().of(words).forEach(invariants::accept);
        return invariants.violations().stream()
                .filter(violation -> violation.invariant().equals(id))
                .map(v ->
                        v.at().order() + v.hazard().map(hazard -> " " + hazard).orElse(""))
                .collect(Collectors.joining(", "));
    }

    @ParameterizedTest(name = "{0}: {2}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
        # id | trace                                                       | cured | violated at, hazard
        I1   | update:off read scan:49+51 skip update:on enter             | O1    | 5
        I1   | update:off read scan:49+51 skip update:on enter             | O8    | 5 O1
        I7   | update:off read scan:49+51 skip update:on post:49 remote:5 sync:49 virt:49 veoi:49 | O1 | 9
        I7   | post:49 remote:5 sync:49 virt:49 write:5/l49>1r veoi:49     | O8    | 5
        I7   | post:49 remote:5 sync:49 virt:49 write:5/l49>1r veoi:49     | O1    | 5 O8
        """)
    void aHazardThatTheMachineIsCuredOfExplainsNothing(String id, String words, Hazard cured, String violated) {
        Rules rules = Rules.UPSTREAM.with(cured);

        assertEquals(violated, violations(Invariants.all(rules), id, words));
        assertEquals(violated, violations(Invariants.only(id, rules), id, words));
    }

    /** What the words add up to so far. */
    private static final class Trace {
        private final List<TraceRecord> records = new ArrayList<>();
        private final RedirectionEntry[] table = new RedirectionEntry[Ioapic.PINS];
        private int writes;
        private Protocol protocol = Protocol.SCAN_THEN_LOAD;

        Trace() {
            Arrays.fill(table, RedirectionEntry.RESET);
            table[5] = entry("l49>0");
            table[6] = entry("l50>1");
            table[7] = entry("e52>0");
            table[8] = entry("e51>0");
        }

        List<TraceRecord> of(String words) {
            if (!words.startsWith(CUT)) {
                List<Event> beginning = List.of(
                        created(-1),
                        new Event.IoapicTableSet(List.of(table)),
                        identity(0, ApicIdentity.ApicMode.XAPIC, true),
                        identity(1, ApicIdentity.ApicMode.XAPIC, true),
                        new Event.VmcsInitialised(0, true));
                beginning.forEach(event ->
                        records.add(new TraceRecord(records.size() - beginning.size(), 0, Source.vcpu(0), event)));
            }
            int order = 0;
            for (String word : words.replace(CUT, "").split(" +", -1)) {
                String[] parts = word.replaceAll("@.*", "").split(":", 2);
                Source source = source(word.replaceAll("[^@]*@?(.*)", "$1"));
                Event event = tableEvent(parts[0], parts.length > 1 ? parts[1] : "0");
                records.add(new TraceRecord(order, order + 1L, source, event));
                order++;
            }
            return records;
        }

        private Event tableEvent(String verb, String what) {
            String[] parts = what.split("/", -1);
            int pin =
                    verb.matches("write|set|line|serve|remote|untaken|nowhere|clear") ? Integer.parseInt(parts[0]) : 0;
            return switch (verb) {
                case "split" -> created(Ioapic.PINS);
                case "direct" -> {
                    protocol = Protocol.LOAD_EOI_EXITMAP;
                    yield created(-1);
                }
                case "write" -> {
                    RedirectionEntry before = table[pin];
                    table[pin] = entry(parts[1]);
                    writes++;
                    yield new Event.RedirectionEntryWritten(pin, before, table[pin], writes, writes);
                }
                case "set" -> {
                    table[pin] = entry(parts[1]);
                    yield new Event.IoapicTableSet(List.of(table));
                }
                case "start" -> new Event.BroadcastStarted(writes, protocol.tableRequest(), Integer.parseInt(parts[0]));
                case "more" -> new Event.BroadcastStarted(writes + 1, protocol.tableRequest(), 1);
                case "end" -> new Event.BroadcastCompleted(writes, protocol.tableRequest());
                case "line" ->
                    new Event.IoapicIrqSet(table[pin], pin, false, Integer.parseInt(parts[1]), parts[2].equals("1"));
                case "second" ->
                    new Event.IoapicIrqSet(table[pin], pin, true, Integer.parseInt(parts[1]), parts[2].equals("1"));
                case "serve" -> new Event.IoapicServiced(pin, table[pin]);
                case "remote" -> remote(pin, 1);
                case "untaken" -> remote(pin, 0);
                case "nowhere" -> remote(pin, -1);
                case "clear" -> {
                    table[pin] = table[pin].withoutRemoteIrr();
                    yield new Event.RemoteIrrCleared(pin, table[pin]);
                }
                case "ask" -> asked(what);
                default -> vcpuEvent(verb, what);
            };
        }

        private Event created(int reservedPins) {
            return new Event.VmCreated(2, protocol, reservedPins, 0);
        }

        private Event remote(int pin, int taken) {
            table[pin] = table[pin].withRemoteIrr();
            return new Event.RemoteIrrSet(pin, table[pin], taken);
        }

        private Event asked(String what) {
            return switch (what) {
                case "S" -> new Event.RequestMade(0, SCAN, false, EntryPhase.RUN_LOOP);
                case "L" ->
                    new Event.RequestMade(
                            0, new RequestSet.Flow(VcpuRequest.LOAD_EOI_EXITMAP, 1, 0), false, EntryPhase.RUN_LOOP);
                default ->
                    new Event.RequestMade(
                            Integer.parseInt(what),
                            new RequestSet.Flow(VcpuRequest.SCAN_IOAPIC, 1, writes),
                            false,
                            EntryPhase.RUN_LOOP);
            };
        }
    }

    private static Event vcpuEvent(String verb, String what) {
        return switch (verb) {
            case "see" -> new Event.RequestSeen(0, SCAN);
            case "read" -> new Event.IoapicTableRead(0);
            case "scan" -> new Event.IoapicScanned(0, vectors(what, ""), 1, vectors(what, "p"));
            case "load" -> new Event.EoiExitmapLoaded(0, vectors(what, ""));
            case "skip" -> new Event.EoiExitmapLoadSkipped(0, Event.LoadSkipped.APICV_INACTIVE);
            case "audit" ->
                new Event.EoiExitBitmapAudited(0, vectors(what, ""), VectorBitmap.EMPTY, Event.BitmapVerdict.UNUSED);
            case "asked" -> audited(EntryPhase.BLOCKED, MpState.HALTED, requests(what));
            case "synic" -> new Event.SynicVectorsChanged(0, vectors(what, ""));
            case "l2" -> new Event.Vmcs02Prepared(0, vectors(what, ""));
            case "l1" -> new Event.NestedExitInjected(0, ExitReason.VMCALL, 0, 0);
            case "enter" -> new Event.GuestEntered(0, 0, 0, 0, Event.ApicvAtEntry.ACTIVE);
            case "enter1" -> new Event.GuestEntered(1, 0, 0, 0, Event.ApicvAtEntry.ACTIVE);
            case "in" -> new Event.GuestEntered(0, 0, 0, 0, Event.ApicvAtEntry.valueOf(what));
            case "late" -> new Event.GuestEntered(0, 0, 0, requests(what), Event.ApicvAtEntry.ACTIVE);
            case "exit" -> new Event.GuestExited(0, ExitReason.HLT, 0, 0, 0, 0);
            case "state" -> state(what);
            case "init" -> new Event.VmcsInitialised(0, true);
            case "reset" -> new Event.VcpuReset(0);
            case "apic" ->
                new Event.LapicStateSet(0, 0, 0x1ff, VectorBitmap.EMPTY, vectors(what, ""), VectorBitmap.EMPTY);
            case "update" -> new Event.ApicvUpdated(0, what.equals("on"), 0, true);
            case "away" -> identity(0, ApicIdentity.ApicMode.DISABLED, true);
            case "off" -> identity(0, ApicIdentity.ApicMode.XAPIC, false);
            case "halted" -> audited(EntryPhase.BLOCKED, MpState.HALTED);
            case "running" -> audited(EntryPhase.IN_GUEST, MpState.RUNNABLE);
            case "notify" -> new Event.AckNotifiersChanged(1 << Integer.parseInt(what));
            case "route" -> new Event.GsiRoutingSet(1, 1, List.of(route(entry(what))));
            case "high" -> new Event.IoapicStateRestored(Integer.parseInt(what));
            default -> message(verb, what);
        };
    }

    private static Event message(String verb, String what) {
        String[] parts = what.split("/", -1);
        int number = Integer.parseInt(parts[0]);
        int to = parts.length > 1 ? Integer.parseInt(parts[1]) : 0;
        long address = 0xfee00000L | (long) to << 12;
        return switch (verb) {
            case "level" -> new Event.InterruptAccepted(to, DeliveryMode.FIXED, TriggerMode.LEVEL, number);
            case "edge" -> new Event.InterruptAccepted(to, DeliveryMode.FIXED, TriggerMode.EDGE, number);
            case "least" -> new Event.InterruptAccepted(to, DeliveryMode.LOWEST_PRIORITY, TriggerMode.LEVEL, number);
            case "discard" -> new Event.InterruptDiscarded(0, number);
            case "msi" -> new Event.MsiSet(address, number);
            case "handled" -> new Event.HostInterruptHandled(to, number);
            case "msilevel" -> new Event.MsiSet(address, 1 << 15 | number);
            case "ipilevel" -> new Event.ApicIpiSent(0, 1 << 15 | number, 0);
            case "hint" -> new Event.MsiSet(address | 1 << 3, number);
            case "ipi" -> new Event.ApicIpiSent(0, number, to);
            case "self" -> new Event.ApicIpiSent(0, 1 << 18 | number, 0);
            case "oneofall" -> new Event.ApicIpiSent(0, 2 << 18 | 1 << 8 | number, 0);
            case "lowest" -> new Event.InterruptAccepted(to, DeliveryMode.LOWEST_PRIORITY, TriggerMode.EDGE, number);
            case "everybody" -> new Event.ApicIpiSent(0, 2 << 18 | number, 0);
            case "others" -> new Event.ApicIpiSent(0, 3 << 18 | number, 0);
            case "inhibit" -> new Event.ApicvInhibitsStored(number);
            case "logical" ->
                new Event.ApicIdentityChanged(new ApicIdentity(
                        number,
                        number,
                        1 << 24 + number,
                        ApicIdentity.DFR_FLAT,
                        ApicIdentity.ApicMode.XAPIC,
                        true,
                        false));
            case "clustered" ->
                new Event.ApicIdentityChanged(new ApicIdentity(
                        number, number, 1, ApicIdentity.DFR_FLAT, ApicIdentity.ApicMode.X2APIC, true, false));
            case "identity" ->
                new Event.ApicIdentityChanged(new ApicIdentity(
                        0, number, 0, ApicIdentity.DFR_FLAT, ApicIdentity.ApicMode.XAPIC, true, false));
            default -> host(verb, number);
        };
    }

    private static Event host(String verb, int number) {
        return switch (verb) {
            case "sched" -> new Event.VcpuScheduledIn(number, 0);
            case "asleep" -> new Event.VcpuScheduledOut(number, 0, Event.ScheduledOut.BLOCKED);
            case "preempted" -> new Event.VcpuScheduledOut(number, 0, Event.ScheduledOut.PREEMPTED);
            case "wakeup" -> new Event.IpiSent(number, Event.HostVector.POSTED_INTR_WAKEUP);
            case "notification" -> new Event.IpiSent(number, Event.HostVector.POSTED_INTR);
            case "ack" -> new Event.IrqAcknowledged(Event.IrqChip.IOAPIC, number);
            case "low" -> new Event.IrqLineSet(number, 0, Irqfds.RESAMPLE_SOURCE);
            case "resample" -> new Event.ResampleSignalled(number);
            default -> interrupt(verb, number);
        };
    }

    private static Event interrupt(String verb, int vector) {
        return switch (verb) {
            case "post" -> new Event.PostedInterruptSet(0, vector, Event.Poster.CPU, false);
            case "again" -> new Event.PostedInterruptSet(0, vector, Event.Poster.CPU, true);
            case "vtd" -> new Event.PostedInterruptSet(0, vector, Event.Poster.DEVICE, false);
            case "on" -> new Event.NotificationRequested(0, false);
            case "sync" -> new Event.PostedInterruptsSynced(0, VectorBitmap.of(vector), Event.SyncedBy.KVM);
            case "virt" -> new Event.VirtualInterruptDelivered(0, vector);
            case "veoi" -> new Event.EoiVirtualized(0, vector);
            case "exit45" -> new Event.GuestExited(0, ExitReason.EOI_INDUCED, 0, vector, 0, 0);
            case "eoi" -> new Event.EoiReceived(0, vector);
            case "forward" -> new Event.EoiForwarded(0, vector, TriggerMode.LEVEL, false);
            case "quiet" -> new Event.EoiForwarded(0, vector, TriggerMode.LEVEL, true);
            case "pend" -> new Event.IoapicEoiPended(0, vector);
            case "quietapic" ->
                new Event.LapicStateSet(vector, 0, 0x11ff, VectorBitmap.EMPTY, VectorBitmap.EMPTY, VectorBitmap.EMPTY);
            case "spivmsr" -> new Event.MsrAccessed(0, Event.Access.WRITE, 0x80f, vector, false);
            case "spiv" -> new Event.ApicAccessed(0, Event.Access.WRITE, 0xf0, 4, vector);
            case "rtc" -> new Event.RtcTracked(new RtcTracking(List.of(new RtcTracking.Owed(0, vector)), 1));
            default -> throw new IllegalArgumentException(verb);
        };
    }

    private static Source source(String who) {
        return switch (who) {
            case "" -> Source.vcpu(0);
            case "1" -> Source.vcpu(1);
            case "vm" -> Source.VM;
            case "user" -> Source.USERSPACE;
            default -> throw new IllegalArgumentException(who);
        };
    }

    private static RedirectionEntry entry(String what) {
        String[] parts = what.replaceAll("[a-z]", "").split(">", -1);
        String letters = what.replaceAll("[0-9>]", "");
        long bits = Long.parseLong(parts[0]) | Long.parseLong(parts[1]) << 56;
        bits |= letters.matches("[lon].*") ? 1 << 15 : 0;
        bits |= letters.contains("r") ? 1 << 14 : 0;
        bits |= letters.contains("m") ? 1 << 16 : 0;
        bits |= letters.contains("o") ? 1 << 8 : 0;
        bits |= letters.contains("g") ? 1 << 11 : 0;
        bits |= letters.contains("n") ? 4 << 8 : 0;
        return new RedirectionEntry(bits);
    }

    private static Routing.MsiRoute route(RedirectionEntry entry) {
        return new Routing.MsiRoute(5, 0xfee00000L | (long) entry.destination() << 12, (int) entry.bits() & 0xffff);
    }

    private static Event identity(int vcpu, ApicIdentity.ApicMode mode, boolean enabled) {
        return new Event.ApicIdentityChanged(
                new ApicIdentity(vcpu, vcpu, 0, ApicIdentity.DFR_FLAT, mode, enabled, false));
    }

    private static Event audited(EntryPhase phase, MpState state) {
        return audited(phase, state, 0);
    }

    private static Event audited(EntryPhase phase, MpState state, long requests) {
        return new Event.VcpuAudited(
                0, phase, state, true, true, requests, VectorBitmap.EMPTY, VectorBitmap.EMPTY, VectorBitmap.EMPTY);
    }

    private static Event state(String what) {
        List<String> words = List.of(what.split("\\+", -1));
        int control = (words.contains("o") ? 1 : 0) | (words.contains("n") ? 2 : 0);
        return new Event.InterruptStateLoaded(
                0,
                true,
                0,
                0,
                0,
                vectors(what, "r"),
                vectors(what, "s"),
                VectorBitmap.EMPTY,
                new LapicHints(Machine.Apicv.ACTIVE, true, 1, -1),
                new PostedInterruptDescriptor(vectors(what, "p"), new PostedInterruptDescriptor.Control(control)));
    }

    private static long requests(String letters) {
        return (letters.contains("S") ? VcpuRequest.SCAN_IOAPIC.mask() : 0)
                | (letters.contains("L") ? VcpuRequest.LOAD_EOI_EXITMAP.mask() : 0)
                | (letters.contains("E") ? VcpuRequest.EVENT.mask() : 0);
    }

    /** The vectors behind {@code letter}. */
    private static VectorBitmap vectors(String what, String letter) {
        return VectorBitmap.of(Arrays.stream(what.split("\\+", -1))
                .filter(word -> word.matches(letter + "[0-9]+"))
                .mapToInt(word -> Integer.parseInt(word.substring(letter.length())))
                .toArray());
    }
}
