package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.DestinationShorthand;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.kvm.ApicIdentity.ApicMode;

/** Whom a message goes to: by the optimised map, or by asking every local APIC where the map cannot tell. */
class ApicsTest {
    private static final OptionalInt DEVICE = OptionalInt.empty();

    /** F xAPIC flat, C xAPIC cluster, 2 x2APIC, D hardware-disabled, S xAPIC flat and software-disabled. */
    private static ApicIdentity[] apics(String modes) {
        return IntStream.range(0, modes.length())
                .mapToObj(i -> identity(i, modes.charAt(i), i))
                .toArray(ApicIdentity[]::new);
    }

    private static ApicIdentity identity(int vcpu, char mode, int xapicId) {
        boolean x2apic = mode == '2';
        ApicMode apicMode = x2apic ? ApicMode.X2APIC : mode == 'D' ? ApicMode.DISABLED : ApicMode.XAPIC;
        int dfr = mode == 'C' ? ApicIdentity.DFR_CLUSTER : ApicIdentity.DFR_FLAT;
        int ldr = x2apic ? ApicIdentity.x2apicLdr(vcpu) : 1 << 24 + vcpu;
        return new ApicIdentity(vcpu, xapicId, ldr, dfr, apicMode, mode != 'S', false);
    }

    private static Apics of(int api, ApicIdentity... identities) {
        return Apics.of(Fixtures.withApi(Machine.plain(identities.length), api), identities);
    }

    private static InterruptMessage message(DestinationMode mode, int destination) {
        return new InterruptMessage(
                0x41, DeliveryMode.FIXED, mode, TriggerMode.EDGE, true, DestinationShorthand.NONE, destination, false);
    }

    private static InterruptMessage physical(int destination) {
        return message(DestinationMode.PHYSICAL, destination);
    }

    private static InterruptMessage logical(int destination) {
        return message(DestinationMode.LOGICAL, destination);
    }

    private static String targets(Apics apics, InterruptMessage message, int source) {
        return apics.targets(message, source < 0 ? DEVICE : OptionalInt.of(source))
                .vcpus()
                .toString();
    }

    /** {@code kvm_apic_is_broadcast_dest}: with the quirk it depends on who sends, without it on the mode of all. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        apics | api | source | destination | targets   | reason
        FFF   | 0   | -1     | 0xff        | [0, 1, 2] | of 8 bits
        FFF   | 0   | 1      | 0xff        | [0, 1, 2] | of 8 bits
        222   | 0   | -1     | 0xff        | [0, 1, 2] | from a device, by the quirk
        222   | 0   | 1      | 0xff        | []        | an ID, from an x2APIC
        222   | 0   | 1      | 0xffffffff  | [0, 1, 2] | of 32 bits
        222   | 0   | -1     | 0xffffffff  | []        | an ID, from a device
        222   | 2   | -1     | 0xff        | []        | an ID, without the quirk
        222   | 2   | -1     | 0xffffffff  | [0, 1, 2] | of 32 bits
        FFF   | 2   | -1     | 0xff        | [0, 1, 2] | of 8 bits
        F2F   | 2   | -1     | 0xff        | [0, 2]    | to the xAPICs
        """)
    @SuppressWarnings("TooManyParameters") // a row of the table
    void whatIsABroadcast(String apics, int api, int source, long destination, String targets, String reason) {
        assertEquals(targets, targets(of(api, apics(apics)), physical((int) destination), source), reason);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        apics | destination | targets | reason
        FFF   | 0x06        | [1, 2]  | flat
        FF2   | 0x03        | [0, 1]  | mixed modes: every one is asked
        FFF   | 0x08        | []      | nobody
        SSS   | 0x01        | []      | the map knows of no logical ID: nobody is asked
        SFF   | 0x07        | [1, 2]  | of those that are enabled
        DFF   | 0x07        | [1, 2]  | of those that are there
        """)
    void whomALogicalDestinationReaches(String apics, int destination, String targets, String reason) {
        assertEquals(targets, targets(of(0, apics(apics)), logical(destination), -1), reason);
    }

    /** 261 vCPUs: the last cluster of x2APIC mode has five. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        destination | targets                   | reason
        0x00008001  | [0, 15]                   | the first cluster
        0x0010ffff  | [256, 257, 258, 259, 260] | the last, as far as it goes
        0x00100020  | []                        | beyond its end
        0x00110001  | []                        | beyond the last
        0xffff0001  | []                        | beyond the last
        """)
    void clustersOfX2apicModeEndWithTheMap(long destination, String targets, String reason) {
        Apics apics = of(Machine.X2APIC_API_USE_32BIT_IDS, apics("2".repeat(261)));

        assertEquals(targets, targets(apics, logical((int) destination), -1), reason);
    }

    /** 0x41 mod 5 is 0: bits of the destination beyond the map are no candidates. */
    @Test
    void onlyThoseWithinTheMapAreCandidatesForTheLowestPriority() {
        Apics apics = of(Machine.X2APIC_API_USE_32BIT_IDS, apics("2".repeat(261)));

        assertEquals("[256]", targets(apics, logical(0x0010ffff).withRedirectionHint(), -1));
    }

    @Test
    void aPhysicalDestinationBeyondTheMapIsNobodys() {
        Apics apics = of(0, apics("222"));

        assertEquals("[2]", targets(apics, physical(2), -1));
        assertEquals("[]", targets(apics, physical(0x100), 0));
        assertEquals("[]", targets(apics, physical(-2), 0));
    }

    /** {@code kvm_recalculate_phys_map}: with 32-bit IDs the first of two with one xAPIC ID gets the slot. */
    @Test
    void withIdsOf32BitsAnAliasedXapicIdIsTheFirsts() {
        ApicIdentity[] twins = {identity(0, 'F', 3), identity(1, 'F', 3)};

        assertEquals("[0]", targets(of(Machine.X2APIC_API_USE_32BIT_IDS, twins), physical(3), -1));
        assertEquals("[0, 1]", targets(of(0, twins), physical(3), -1));
    }

    @Test
    void withIdsOf32BitsAnX2apicOverridesAnXapicWithItsId() {
        ApicIdentity[] mixed = {identity(0, 'F', 1), identity(1, '2', 0)};

        assertEquals("[1]", targets(of(Machine.X2APIC_API_USE_32BIT_IDS, mixed), physical(1), -1));
    }

    /** {@code kvm_irq_delivery_to_apic} makes a physical broadcast fixed, which a redirection hint does not heed. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        apics | hint  | mode     | destination | targets   | none | reason
        FF2   | false | LOGICAL  | 0x03        | [1]       | 0    | 0x41 mod 2: the second of two
        FF2   | true  | LOGICAL  | 0x03        | [1]       | 0    | a redirection hint asks for the same
        SF2   | false | LOGICAL  | 0x03        | [1]       | 0    | only an enabled one is chosen
        FF2   | false | LOGICAL  | 0x08        | []        | -1   | nobody matches
        FFF   | false | PHYSICAL | 0xff        | [0, 1, 2] | 0    | a broadcast reaches all
        FFF   | true  | PHYSICAL | 0xff        | [2]       | 0    | 0x41 mod 3: the third of three
        """)
    @SuppressWarnings("TooManyParameters") // a row of the table
    void whomTheSlowPathChooses(
            String apics, boolean hint, DestinationMode mode, int destination, String targets, int none, String why) {
        InterruptMessage lowest = new InterruptMessage(
                0x41,
                hint ? DeliveryMode.FIXED : DeliveryMode.LOWEST_PRIORITY,
                mode,
                TriggerMode.EDGE,
                true,
                DestinationShorthand.NONE,
                destination,
                hint);
        Apics.Targets found = of(0, apics(apics)).targets(lowest, DEVICE);

        assertEquals(targets, found.vcpus().toString(), why);
        assertEquals(none, found.resultIfNone());
    }

    @Test
    void theSlowPathChoosesNobodyWhereNobodyIsEnabled() {
        ApicIdentity[] twins = {identity(0, 'S', 3), identity(1, 'S', 3)};

        Apics.Targets found = of(0, twins).targets(physical(3).withRedirectionHint(), DEVICE);

        assertEquals("[] -1", found.vcpus() + " " + found.resultIfNone());
    }

    @Test
    void withoutAMapAnIpiToSelfStillFindsItsSender() {
        ApicIdentity[] twins = {identity(0, 'F', 3), identity(1, 'F', 3)};
        InterruptMessage self = InterruptMessage.ofIcr(0x44041, 0);

        assertEquals("[1]", targets(of(0, twins), self, 1));
        assertEquals("[1]", targets(of(0, apics("FF")), self, 1));
    }

    @Test
    void messagesGoByTheOldMapUntilTheNewOneIsPublished() {
        Apics apics = of(0, apics("FF"));

        Apics changed = apics.changed(identity(1, 'F', 7));
        assertEquals("[]", targets(changed, physical(7), -1));
        assertEquals(7, changed.identity(1).xapicId());
        assertEquals("[1]", targets(changed.published(), physical(7), -1));
    }

    @Test
    void anIdentityThatTheMapDoesNotDependOnChangesAtOnce() {
        ApicIdentity takesPic = new ApicIdentity(1, 1, 0, -1, ApicMode.XAPIC, true, true);
        Apics apics = of(0, apics("FF"));
        assertEquals(OptionalInt.empty(), apics.firstAcceptingPic());

        assertEquals(OptionalInt.of(1), apics.withSameMap(takesPic).firstAcceptingPic());
    }

    @Test
    void theReasonsAgainstApicvThatTheMapKnowsAreJudged() {
        Apics right = of(0, apics("FF"));
        Apics moved = of(0, identity(0, 'F', 0), identity(1, 'F', 7));
        Apics twins = of(0, identity(0, 'F', 1), identity(1, 'F', 1));

        assertEquals("CLEAR CLEAR", judged(right));
        assertEquals("CLEAR SET", judged(moved));
        assertEquals("SET SET", judged(twins));
    }

    private static String judged(Apics apics) {
        return apics.judge(ApicvInhibit.PHYSICAL_ID_ALIASED) + " " + apics.judge(ApicvInhibit.APIC_ID_MODIFIED);
    }

    @Test
    void aVcpuIsOnlineOnceItIsAdded() {
        Machine machine = Machine.plain(2).with(new Hotplug(java.util.List.of(1), Hotplug.Assignment.FROM_START));
        Apics apics = Apics.of(machine, apics("FF"));

        assertEquals("true false", apics.isOnline(0) + " " + apics.isOnline(1));
        assertEquals(true, apics.withOnline(1).isOnline(1));
    }
}
