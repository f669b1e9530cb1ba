package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.DestinationShorthand;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.kvm.ApicIdentity.ApicMode;

class DestinationMatchTest {
    private static final Machine MACHINE = Machine.plain(1);

    /** Stands for the map's answer that it cannot tell. */
    private static final int[] BROADCAST = {-1};

    private static ApicIdentity xapic(int vcpu, int xapicId, int ldr, int dfr) {
        return new ApicIdentity(vcpu, xapicId, ldr, dfr, ApicMode.XAPIC, true, false);
    }

    private static ApicIdentity x2apic(int vcpu) {
        return new ApicIdentity(
                vcpu, 0, ApicIdentity.x2apicLdr(vcpu), ApicIdentity.DFR_FLAT, ApicMode.X2APIC, true, false);
    }

    private static InterruptMessage message(DestinationMode mode, DestinationShorthand shorthand, int destination) {
        return new InterruptMessage(
                0x41, DeliveryMode.FIXED, mode, TriggerMode.EDGE, true, shorthand, destination, false);
    }

    private static boolean matches(ApicIdentity target, DestinationMode mode, int destination) {
        return DestinationMatch.matches(
                MACHINE, target, message(mode, DestinationShorthand.NONE, destination), OptionalInt.of(99));
    }

    @Test
    void aPhysicalDestinationIsTheIdOrBroadcast() {
        for (int id = 0; id < 256; id++) {
            for (int destination = 0; destination < 256; destination++) {
                assertEquals(
                        destination == id || destination == 0xff,
                        matches(xapic(0, id, 0, -1), DestinationMode.PHYSICAL, destination));
                assertEquals(destination == id, matches(x2apic(id), DestinationMode.PHYSICAL, destination));
            }
        }
    }

    @Test
    void aFlatLogicalDestinationIsASetOfBits() {
        for (int logicalId = 0; logicalId < 256; logicalId++) {
            for (int destination = 0; destination < 256; destination++) {
                assertEquals(
                        (logicalId & destination) != 0 || destination == 0xff,
                        matches(
                                xapic(0, 0, logicalId << 24, ApicIdentity.DFR_FLAT),
                                DestinationMode.LOGICAL,
                                destination));
            }
        }
    }

    @Test
    void aClusterLogicalDestinationIsAClusterAndASetOfFourBits() {
        for (int logicalId = 0; logicalId < 256; logicalId++) {
            for (int destination = 0; destination < 256; destination++) {
                boolean cluster = logicalId / 16 == destination / 16 && (logicalId % 16 & destination % 16) != 0;
                assertEquals(
                        cluster || destination == 0xff,
                        matches(
                                xapic(0, 0, logicalId << 24, ApicIdentity.DFR_CLUSTER),
                                DestinationMode.LOGICAL,
                                destination));
            }
        }
    }

    @Test
    void anX2apicLogicalDestinationIsAClusterAndASetOfSixteenBits() {
        for (int id = 0; id < 64; id++) {
            for (int cluster = 0; cluster < 5; cluster++) {
                for (int bit = 0; bit < 16; bit++) {
                    assertEquals(
                            id == cluster * 16 + bit,
                            matches(x2apic(id), DestinationMode.LOGICAL, cluster << 16 | 1 << bit));
                }
                assertEquals(id / 16 == cluster, matches(x2apic(id), DestinationMode.LOGICAL, cluster << 16 | 0xffff));
            }
        }
    }

    @Test
    void aDestinationFormatThatIsNeitherFlatNorClusterMatchesOnlyBroadcasts() {
        ApicIdentity odd = xapic(0, 0, 0xff000000, 0x1fffffff);

        assertEquals(false, matches(odd, DestinationMode.LOGICAL, 0x01));
        assertEquals(true, matches(odd, DestinationMode.LOGICAL, 0xff));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        api | x2apic | source | destination | matches | reason
        0   | true   | -1     | 0xff        | true    | a device's 0xff is a broadcast by the quirk
        2   | true   | -1     | 0xff        | false   | the quirk is off
        0   | true   | 1      | 0xff        | false   | an IPI's 0xff is an ID
        0   | true   | 1      | 0xffffffff  | true    | the broadcast of 32 bits
        0   | false  | 1      | 0xffffffff  | false   | none to an xAPIC
        2   | false  | -1     | 0xff        | true    | the broadcast of 8 bits
        0   | false  | 1      | 0x104       | true    | beyond 8 bits an xAPIC is found by its vCPU id
        """)
    void whatIsABroadcastDependsOnTheTargetAndTheQuirk(
            int api, boolean x2apic, int source, long destination, boolean matches) {
        Machine machine = Fixtures.withApi(MACHINE, api);
        ApicIdentity target = x2apic ? x2apic(4) : xapic(0x104, 4, 0, -1);

        assertEquals(
                matches,
                DestinationMatch.matches(
                        machine,
                        target,
                        message(DestinationMode.PHYSICAL, DestinationShorthand.NONE, (int) destination),
                        source < 0 ? OptionalInt.empty() : OptionalInt.of(source)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        shorthand    | source | target | matches
        SELF         | 1      | 1      | true
        SELF         | 1      | 2      | false
        ALL          | 1      | 1      | true
        ALL          | 1      | 2      | true
        ALL_BUT_SELF | 1      | 1      | false
        ALL_BUT_SELF | 1      | 2      | true
        """)
    void aShorthandIgnoresTheDestination(DestinationShorthand shorthand, int source, int target, boolean matches) {
        assertEquals(
                matches,
                DestinationMatch.matches(
                        MACHINE,
                        xapic(target, target, 0, -1),
                        message(DestinationMode.PHYSICAL, shorthand, 7),
                        OptionalInt.of(source)));
    }

    /** Random machines in one mode, IDs as at reset; that is where the kernel's map and its slow path agree. */
    @Test
    void theMapFindsWhomTheSlowPathMatches() {
        for (int seed = 0; seed < 2_000; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            int vcpus = 1 + random.nextInt(8);
            int form = random.nextInt(3);
            ApicIdentity[] apics = new ApicIdentity[vcpus];
            Arrays.setAll(apics, i -> switch (form) {
                case 0 -> xapic(i, i, 1 << 24 + i, ApicIdentity.DFR_FLAT);
                case 1 -> xapic(i, i, (i / 4 << 4 | 1 << i % 4) << 24, ApicIdentity.DFR_CLUSTER);
                default -> x2apic(i);
            });
            DestinationMode mode = DestinationMode.ofBit(random.nextInt(2));
            int destination = form == 2 && mode == DestinationMode.LOGICAL
                    ? random.nextInt(2) << 16 | random.nextInt(0x10000)
                    : random.nextInt(256);
            InterruptMessage message = message(mode, DestinationShorthand.NONE, destination);

            int[] mapped = ApicMap.of(MACHINE, apics)
                    .map()
                    .orElseThrow()
                    .targets(MACHINE, message, Optional.empty())
                    .orElse(BROADCAST);

            int[] slow = Arrays.stream(apics)
                    .filter(apic -> DestinationMatch.matches(MACHINE, apic, message, OptionalInt.empty()))
                    .mapToInt(ApicIdentity::vcpu)
                    .toArray();
            if (destination == 0xff) {
                assertSame(BROADCAST, mapped);
            } else {
                int failing = seed;
                assertEquals(Arrays.toString(slow), Arrays.toString(mapped), () -> "seed " + failing + ": " + message);
            }
        }
    }

    @Test
    void twoApicsWithOnePhysicalIdHaveNoMap() {
        ApicIdentity[] twins = {xapic(0, 3, 0, -1), xapic(1, 3, 0, -1)};

        assertEquals(true, ApicMap.of(MACHINE, twins).map().isEmpty());
        assertEquals(
                "[0, 1]",
                Apics.of(MACHINE, twins)
                        .targets(message(DestinationMode.PHYSICAL, DestinationShorthand.NONE, 3), OptionalInt.empty())
                        .vcpus()
                        .toString());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        vector | target | reason
        0x3f   | 1      | 63 mod 3 is 0: the first of 1, 2 and 3
        0x40   | 2      | 64 mod 3 is 1
        0x41   | 3      | 65 mod 3 is 2
        0x42   | 1      | 66 mod 3 is 0
        """)
    void lowestPriorityIsChosenByTheVectorAmongTheCandidates(int vector, int target) {
        ApicIdentity[] apics = new ApicIdentity[4];
        Arrays.setAll(apics, i -> xapic(i, i, 1 << 24 + i, ApicIdentity.DFR_FLAT));
        InterruptMessage lowest = new InterruptMessage(
                vector,
                DeliveryMode.LOWEST_PRIORITY,
                DestinationMode.LOGICAL,
                TriggerMode.EDGE,
                true,
                DestinationShorthand.NONE,
                0x0e,
                false);

        assertEquals(
                "[" + target + "]",
                Apics.of(MACHINE, apics)
                        .targets(lowest, OptionalInt.empty())
                        .vcpus()
                        .toString());
    }
}
